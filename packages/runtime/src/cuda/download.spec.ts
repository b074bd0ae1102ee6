import { createHash, randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished, test, vi } from 'vitest';
import { writeWheel } from '../../test/wheel.js';
import { downloadWheel } from './download.js';
import { installCuda } from './install.js';
import { configured } from './pip.js';

const content = randomBytes(3_000_000);
const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');
const name = 'onnxruntime_gpu-1.2.3-cp312-cp312-manylinux_2_28_x86_64.whl';

interface Served {
  /** Answers with another status instead, request by request. */
  readonly statuses?: readonly (number | undefined)[];
  /** Bytes after which a connection is cut, request by request; none where there is no number. */
  readonly cuts?: readonly (number | undefined)[];
  /** Whether parts may be asked for. */
  readonly ranges?: boolean;
  /** User and password that are asked for. */
  readonly user?: string;
}

/** A server of one file, and the bytes that each request asked from. */
async function serving(bytes: Buffer, { cuts = [], ranges = true, statuses = [], user }: Served = {}) {
  const asked: number[] = [];
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const from = ranges ? Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0) : 0;
    const at = asked.push(from) - 1;
    const status = statuses[at];
    if (user && request.headers.authorization !== `Basic ${Buffer.from(user).toString('base64')}`)
      return response.writeHead(401).end();
    if (status) return response.writeHead(status).end();
    if (from >= bytes.length) return response.writeHead(416, { 'content-range': `bytes */${bytes.length}` }).end();
    const range = { 'content-range': `bytes ${from}-${bytes.length - 1}/${bytes.length}` };
    response.writeHead(from > 0 ? 206 : 200, { 'content-length': bytes.length - from, ...(from > 0 && range) });
    const cut = cuts[at];
    if (cut === undefined) return response.end(bytes.subarray(from));
    response.write(bytes.subarray(from, from + cut), () => response.socket?.end());
  };
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close().closeAllConnections());
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/packages/${name}`, asked, port };
}

async function folderOfTest(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'download-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

const quick = { pause: 1 };

/** From where parts were asked for; what had arrived but was not yet written when the connection broke is asked for again. */
function expectAsked(asked: readonly number[], sent: readonly number[]): void {
  expect(asked).toHaveLength(sent.length);
  sent.forEach((most, i) => {
    expect(asked[i]).toBeLessThanOrEqual(most);
    expect(asked[i]).toBeGreaterThanOrEqual(most === 0 ? 0 : most - 300_000);
  });
}

describe('a wheel', () => {
  it('comes in one piece where nothing breaks, and how far it is is told', async () => {
    const { url, asked } = await serving(content);
    const folder = await folderOfTest();
    const lines: string[] = [];
    const file = await downloadWheel({ url, sha256: sha256(content) }, folder, { onProgress: (l) => lines.push(l) });
    expect((await readFile(file)).equals(content)).toBe(true);
    expect(await readdir(folder)).toEqual([name]);
    expect(asked).toEqual([0]);
    expect(lines.at(-1)).toBe(`${name}: 3 of 3 MB (100 %)`);
  });

  it('goes on where the connection was cut, twice', async () => {
    const { url, asked } = await serving(content, { cuts: [1_000_000, 500_000] });
    const lines: string[] = [];
    const asks = { ...quick, onProgress: (line: string) => lines.push(line) };
    const file = await downloadWheel({ url, sha256: sha256(content) }, await folderOfTest(), asks);
    expect((await readFile(file)).equals(content)).toBe(true);
    expectAsked(asked, [0, 1_000_000, 1_500_000]);
    expect(lines).toContain(`${name}: going on after 1 MB`);
  });

  it('goes on in a later call, and only then has its name', async () => {
    const { url, asked } = await serving(content, { cuts: [2_000_000, 0, 0, 0, 0, 0] });
    const [folder, source] = [await folderOfTest(), { url, sha256: sha256(content) }];
    await expect(downloadWheel(source, folder, quick)).rejects.toThrow(/expected all of .*, got 2 MB: .*; try again/);
    expect(await readdir(folder)).toEqual([`${name}.${sha256(content).slice(0, 16)}.part`]);
    asked.length = 0;
    const { url: again, asked: rest } = await serving(content);
    const file = await downloadWheel({ ...source, url: again }, folder, quick);
    expect((await readFile(file)).equals(content)).toBe(true);
    expectAsked(rest, [2_000_000]);
  });

  it('that was whole when the call before ended is not asked for again', async () => {
    const folder = await folderOfTest();
    await writeFile(path.join(folder, `${name}.${sha256(content).slice(0, 16)}.part`), content);
    const { url, asked } = await serving(content);
    await downloadWheel({ url, sha256: sha256(content) }, folder, quick);
    expect(asked).toEqual([content.length]);
  });

  it('begins anew where a server gives no parts, and waits out its troubles', async () => {
    const { url, asked } = await serving(content, { ranges: false, cuts: [1_000_000], statuses: [undefined, 503] });
    const file = await downloadWheel({ url, sha256: sha256(content) }, await folderOfTest(), quick);
    expect((await readFile(file)).equals(content)).toBe(true);
    expect(asked).toHaveLength(3);
  });

  it('with another digest than the index states is removed', async () => {
    const { url } = await serving(content);
    const folder = await folderOfTest();
    await expect(downloadWheel({ url, sha256: 'aa'.repeat(32) }, folder, quick)).rejects.toThrow(
      `expected ${name} with the digest ${'aa'.repeat(32)}, got ${sha256(content)}; it was removed, try again`,
    );
    expect(await readdir(folder)).toEqual([]);
  });

  it('that is refused is an error at once; credentials of its URL are told to nobody else', async () => {
    const { asked, port } = await serving(content, { user: 'me:se cret' });
    const url = (user: string) => `http://${user}127.0.0.1:${port}/packages/${name}`;
    const folder = await folderOfTest();
    await expect(downloadWheel({ url: url('') }, folder, quick)).rejects.toThrow(`expected ${name}, got HTTP 401`);
    expect(asked).toHaveLength(1);
    const lines: string[] = [];
    await downloadWheel({ url: url('me:se%20cret@') }, folder, { onProgress: (line) => lines.push(line) });
    expect(lines.join()).not.toMatch(/cret/);
  });

  it('stops when it is told to, and keeps what it has', async () => {
    const { url } = await serving(content, { cuts: [1_000_000, 0, 0, 0, 0, 0, 0] });
    const folder = await folderOfTest();
    const stop = new AbortController();
    const onProgress = () => stop.abort(new Error('enough'));
    const source = { url, sha256: sha256(content) };
    await expect(downloadWheel(source, folder, { pause: 60_000, onProgress, signal: stop.signal })).rejects.toThrow();
    expect(await readdir(folder)).toEqual([`${name}.${source.sha256.slice(0, 16)}.part`]);
  });

  it('is one: other files are not asked for', async () => {
    await expect(downloadWheel({ url: 'http://127.0.0.1:9/simple/x.html' }, os.tmpdir(), quick)).rejects.toThrow(
      "expected the URL of a wheel, got one of 'x.html'",
    );
  });
});

test.each([
  ["global.cert='/a.pem'\n:env:.cert='/b.pem'\n", 'cert', '/b.pem'],
  [
    "global.index-url='https://x/simple'\ninstall.proxy='http://p:1'\nglobal.proxy='http://q:1'\n",
    'proxy',
    'http://p:1',
  ],
  ["global.timeout='60'\n", 'cert', undefined],
])('pip is configured by %j: %s is %s', (listing, key, value) => {
  expect(configured(listing, key)).toBe(value);
});

const onLinux = process.platform === 'linux' && process.arch === 'x64';
describe.runIf(onLinux)('--install-cuda (linux-x64 only)', () => {
  const version: string = createRequire(import.meta.url)('onnxruntime-node/package.json').version;
  const [cuda, bridge] = ['libonnxruntime_providers_cuda.so', 'libonnxruntime_providers_shared.so'];

  /** A wheel to be served, and a `python3` whose pip answers as `script` says. */
  async function given(script: string) {
    const root = await folderOfTest();
    const wheel = path.join(root, 'source.whl');
    const library = await readFile(process.execPath).then((bytes) => bytes.subarray(0, 2_000_000));
    await writeWheel(wheel, version, { [cuda]: library, [bridge]: Buffer.from('the bridge') });
    await writeFile(path.join(root, 'python3'), `#!/bin/sh\necho "$*" >> ${root}/calls\n${script}\n`);
    await chmod(path.join(root, 'python3'), 0o755);
    vi.stubEnv('PATH', `${root}:${process.env.PATH}`);
    onTestFinished(() => void vi.unstubAllEnvs());
    const folder = await mkdtemp(path.join(root, 'runtime-'));
    return { root, folder, cache: path.join(root, 'cache'), bytes: await readFile(wheel) };
  }

  const report = (url: string, digest: string) =>
    JSON.stringify({ install: [{ download_info: { url, archive_info: { hashes: { sha256: digest } } } }] });

  it('asks pip where the wheel is, gets it over a connection that breaks, and keeps nothing but the libraries', async () => {
    const files = await given(`case "$*" in *"pip install"*) cat "$(dirname "$0")/report";; esac`);
    const { url, asked } = await serving(files.bytes, { cuts: [1_000_000] });
    await writeFile(path.join(files.root, 'report'), report(url, sha256(files.bytes)));
    const lines: string[] = [];
    await installCuda({ ...files, onProgress: (line) => lines.push(line) }).catch(() => undefined); // ldd knows no such library
    expect((await readdir(files.folder)).sort()).toEqual([cuda, bridge]);
    expectAsked(asked, [0, 1_000_000]);
    expect(await readdir(files.cache)).toEqual([]);
    const calls = await readFile(path.join(files.root, 'calls'), 'utf8');
    expect(calls).toMatch(
      new RegExp(`-m pip install --dry-run .*--report - .*onnxruntime-gpu==${version}\n-m pip config list\n`),
    );
    expect(lines[0]).toBe(`asking pip for onnxruntime-gpu ${version}`);
    expect(lines.some((line) => /going on after 1 MB/.test(line))).toBe(true);
  });

  it('lets a pip download that cannot say where, or whose index asks who it is', async () => {
    const files = await given(
      `case "$*" in
      *"pip install"*) if [ -f "$(dirname "$0")/report" ]; then cat "$(dirname "$0")/report"; else echo "no such option: --report" >&2; exit 2; fi;;
      *"pip download"*) while [ "$1" != --dest ]; do shift; done; cp "$(dirname "$0")/source.whl" "$2/x.whl"; echo "Saved x.whl";;
      esac`,
    );
    const lines: string[] = [];
    await installCuda({ ...files, onProgress: (line) => lines.push(line) }).catch(() => undefined);
    expect((await readdir(files.folder)).sort()).toEqual([cuda, bridge]);
    expect(lines).toContain('Saved x.whl');
    const { url } = await serving(files.bytes, { user: 'some:one' });
    await writeFile(path.join(files.root, 'report'), report(url, sha256(files.bytes)));
    lines.length = 0;
    await installCuda({ ...files, onProgress: (line) => lines.push(line) }).catch(() => undefined);
    expect(lines).toContain('Saved x.whl');
  });

  it('takes a wheel of a local folder where it is', async () => {
    const files = await given(`case "$*" in *"pip install"*) cat "$(dirname "$0")/report";; esac`);
    const url = `file://${files.root}/source.whl`;
    await writeFile(path.join(files.root, 'report'), report(url, sha256(files.bytes)));
    await installCuda(files).catch(() => undefined);
    expect((await readdir(files.folder)).sort()).toEqual([cuda, bridge]);
    expect((await readdir(files.root)).includes('source.whl')).toBe(true);
  });

  it('says what pip said where nothing helps', async () => {
    const files = await given(`echo "ERROR: No matching distribution found" >&2; exit 1`);
    await expect(installCuda(files)).rejects.toThrow(
      'expected pip to get onnxruntime-gpu, got: ERROR: No matching distribution found; or give --wheel FILE',
    );
  });
});
