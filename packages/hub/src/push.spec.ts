import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { clientOf, localHub, READ_TOKEN, temporaryFolder } from '../test/local.js';
import type { HubEvent } from './events.js';
import { proxyFetch } from './proxy.js';
import { push } from './push.js';
import { snapshot } from './snapshot.js';

const bytes = (length: number, seed: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + seed) % 251);

const content: Readonly<Record<string, Uint8Array>> = {
  'config.json': Buffer.from('{"a":1}'),
  'empty.txt': new Uint8Array(0),
  'model.safetensors': bytes(300_000, 1), // one PUT
  'onnx/model.onnx': bytes(2_500_000, 2), // three parts
  'a/b/c/d/e/f/deep.txt': Buffer.from('deeper than the client goes by itself'),
  'names/with space #1 100% ü?.txt': Buffer.from('escaped'),
};

async function folderWith(files: Readonly<Record<string, Uint8Array>>): Promise<string> {
  const folder = await temporaryFolder();
  for (const [path, data] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), data);
  }
  return folder;
}

const sha256 = async (path: string): Promise<string> =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex');

test('a folder comes back byte for byte: regular, large and multipart files', async () => {
  const { options, seen, hub } = await localHub({ multipartMb: 1 });
  const folder = await folderWith(content);
  await symlink('/etc/hostname', join(folder, 'link-to-elsewhere'));
  const events: HubEvent[] = [];
  const pushed = await push(folder, 'local/m', { options, message: 'first', onEvent: (event) => events.push(event) });

  expect(pushed).toEqual({
    repo: 'local/m',
    commit: expect.stringMatching(/^[0-9a-f]{40}$/),
    url: `${hub.url}/local/m`,
  });
  const back = await snapshot('local/m', { options });
  expect(back.commit).toBe(pushed.commit);
  expect(back.files).toEqual(['.gitattributes', ...Object.keys(content)].sort());
  for (const path of Object.keys(content)) {
    expect(await sha256(join(back.folder, path)), path).toBe(await sha256(join(folder, path)));
  }
  expect(events.filter((event) => event.type === 'push').map((event) => event.phase)).toEqual([
    'prepare',
    'upload',
    'commit',
  ]);
  expect(events.filter((event) => event.type === 'upload')).toHaveLength(4);
  expect(seen.filter(({ server }) => server === 'blobs').some(({ withToken }) => withToken)).toBe(false);
});

test('what a second push leaves out stays, what it brings is new', async () => {
  const { options } = await localHub();
  const first = await push(await folderWith({ a: bytes(9, 1), b: bytes(9, 2) }), 'local/m', { options });
  const second = await push(await folderWith({ b: bytes(9, 3) }), 'local/m', { options, parentCommit: first.commit });
  const back = await snapshot('local/m', { options, revision: second.commit });
  expect(await readFile(join(back.folder, 'b'))).toEqual(Buffer.from(bytes(9, 3)));
  expect(back.files).toContain('a');
  await expect(
    push(await folderWith({ b: bytes(9, 4) }), 'local/m', { options, parentCommit: first.commit }),
  ).rejects.toMatchObject({
    kind: 'job',
    status: 412,
  });
});

test('branches are made, pull requests leave main alone, data sets are their own', async () => {
  const { options, hub } = await localHub();
  const folder = await folderWith({ a: bytes(9, 1) });
  const first = await push(folder, 'local/m', { options });
  const branch = await push(await folderWith({ a: bytes(9, 2) }), 'local/m', { options, branch: 'runs/one' });
  const pull = await push(await folderWith({ a: bytes(9, 3) }), 'local/m', { options, createPr: true });
  expect((await snapshot('local/m', { options })).commit).toBe(first.commit);
  expect((await snapshot('local/m', { options, revision: 'runs/one' })).commit).toBe(branch.commit);
  expect((await snapshot('local/m', { options, revision: 'refs/pr/1' })).commit).toBe(pull.commit);
  expect(pull.url).toBe(`${hub.url}/local/m/discussions/1`);
  const data = await push(folder, 'local/m', { options, type: 'dataset', private: true });
  expect(data.url).toBe(`${hub.url}/datasets/local/m`);
});

test.each([
  ['no token', { token: undefined }, 'local/m', 'input', undefined, /publishing needs a token; set HF_TOKEN/],
  ['a token nobody has', { token: 'hf_guess' }, 'local/m', 'job', 401, /the token is not accepted/],
  ['a token that only reads', { token: READ_TOKEN }, 'local/m', 'job', 403, /can read but not write/],
  ['a foreign namespace', {}, 'google/m', 'job', 403, /no write access to google/],
  ['no namespace', {}, 'm', 'input', undefined, /expected ORG\/NAME/],
  ['a name that is none', {}, 'local/../m', 'input', undefined, /expected ORG\/NAME/],
  ['no server', { endpoint: 'http://127.0.0.1:1' }, 'local/m', 'job', undefined, /127\.0\.0\.1:1 cannot be reached/],
])('%s: one clear line, nothing made', async (_, given, name, kind, status, message) => {
  const { hub, seen } = await localHub();
  const options = { ...clientOf(hub.url, await temporaryFolder()), ...given };
  const error = await push(await folderWith({ a: bytes(9, 1) }), name, { options }).catch((reason: Error) => reason);
  expect(error).toMatchObject({ name: 'HubError', kind, status, message: expect.stringMatching(message) });
  expect(String((error as Error).stack)).not.toMatch(/hf_(guess|read|write)/);
  expect((error as Error).message).not.toContain('\n');
  expect(seen.filter((request) => request.status === 200 && request.method !== 'GET')).toEqual([]);
});

test('an empty folder, and none, are refused', async () => {
  const { options } = await localHub();
  await expect(push(await temporaryFolder(), 'local/m', { options })).rejects.toThrow(/expected files to publish/);
  await expect(push(join(await temporaryFolder(), 'no'), 'local/m', { options })).rejects.toMatchObject({
    kind: 'input',
  });
});

test('an aborted push makes no commit', async () => {
  const { options } = await localHub();
  const stop = new AbortController();
  const onEvent = (event: HubEvent): void =>
    event.type === 'push' && event.phase === 'commit' ? stop.abort() : undefined;
  await expect(
    push(await folderWith({ a: bytes(9, 1) }), 'local/m', { options, signal: stop.signal, onEvent }),
  ).rejects.toThrow();
  expect((await snapshot('local/m', { options })).files).toEqual(['.gitattributes']);
  expect(await readdir(options.cacheDir)).toEqual(['models--local--m']);
});

test('with a proxy set, a local Hub is still reached directly, uploads included', async () => {
  const { options } = await localHub();
  const proxied = { ...options, fetch: proxyFetch({ HTTP_PROXY: 'http://127.0.0.1:1', NO_PROXY: 'example.org' }) };
  const { commit } = await push(
    await folderWith({ 'model.safetensors': bytes(300_000, 1), a: bytes(9, 1) }),
    'local/m',
    {
      options: proxied,
    },
  );
  const back = await snapshot('local/m', { options: proxied });
  expect(back.commit).toBe(commit);
  expect(await readFile(join(back.folder, 'model.safetensors'))).toEqual(Buffer.from(bytes(300_000, 1)));
});
