import { lstat, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { clientOf, localHub, tampered, temporaryFolder } from '../test/local.js';
import type { HubEvent } from './events.js';
import { push } from './push.js';
import { snapshot } from './snapshot.js';

const files = { 'config.json': '{"hidden":4}', 'onnx/model.onnx': 'weights', 'tokenizer.json': '{}' };

async function published(): Promise<Awaited<ReturnType<typeof localHub>> & { commit: string }> {
  const started = await localHub();
  const folder = await temporaryFolder();
  for (const [path, data] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), data);
  }
  const { commit } = await push(folder, 'local/m', { options: started.options });
  return { ...started, commit };
}

test('the cache has the layout that the other clients read', async () => {
  const { options, commit } = await published();
  const { folder } = await snapshot('local/m', { options });
  const cache = join(options.cacheDir, 'models--local--m');
  expect(folder).toBe(join(cache, 'snapshots', commit));
  expect(await readFile(join(cache, 'refs/main'), 'utf8')).toBe(commit);
  expect((await lstat(join(folder, 'onnx/model.onnx'))).isSymbolicLink()).toBe(true);
  // sha1("blob 12\0" + bytes) of the small file, sha256 of the large one
  expect((await readdir(join(cache, 'blobs'))).map((name) => name.length).sort()).toEqual([40, 40, 40, 64]);
});

test('patterns choose files; a second call fetches only what is missing', async () => {
  const { options, seen, commit } = await published();
  const events: HubEvent[] = [];
  const some = await snapshot('local/m', {
    options,
    patterns: ['*.json', '!tok*'],
    onEvent: (event) => events.push(event),
  });
  expect(await readdir(some.folder)).toEqual(['config.json']);
  expect(events).toEqual([
    { type: 'snapshot', repo: 'local/m', commit, files: 1, bytes: 12 },
    { type: 'download', repo: 'local/m', path: 'config.json', bytes: 12, size: 12 },
  ]);
  seen.length = 0;
  await snapshot('local/m', { options, patterns: ['*.json'], revision: commit });
  expect(seen.map(({ path }) => path)).toEqual([`/local/m/resolve/${commit}/tokenizer.json`]);
});

test('offline, a snapshot that was fetched works without a request; what was not is named', async () => {
  const { options, seen } = await published();
  await snapshot('local/m', { options, patterns: ['*.json'] });
  seen.length = 0;
  const offline = { ...options, offline: true };
  const back = await snapshot('local/m', { options: offline, patterns: ['*.json'] });
  expect(await readFile(join(back.folder, 'config.json'), 'utf8')).toBe(files['config.json']);
  const missing = (message: RegExp) => ({ kind: 'job', message: expect.stringMatching(message) });
  await expect(snapshot('local/m', { options: offline, patterns: ['onnx/*'] })).rejects.toMatchObject(
    missing(/onnx\/model.onnx is not in the cache/),
  );
  await expect(snapshot('local/n', { options: offline })).rejects.toMatchObject(
    missing(/revision main is not in the cache/),
  );
  await writeFile(join(options.cacheDir, 'file'), 'x');
  await expect(push(options.cacheDir, 'local/m', { options: offline })).rejects.toMatchObject(
    missing(/HF_HUB_OFFLINE is set/),
  );
  expect(seen).toEqual([]);
});

test('offline, a snapshot made by another client is taken as it is', async () => {
  const cacheDir = await temporaryFolder();
  const commit = 'a'.repeat(40);
  await mkdir(join(cacheDir, 'models--local--m/snapshots', commit), { recursive: true });
  await mkdir(join(cacheDir, 'models--local--m/refs'));
  await writeFile(join(cacheDir, 'models--local--m/refs/main'), commit);
  await writeFile(join(cacheDir, 'models--local--m/snapshots', commit, 'config.json'), '{}');
  const options = clientOf('http://127.0.0.1:1', cacheDir, { offline: true });
  expect(await snapshot('local/m', { options })).toMatchObject({ commit, files: ['config.json'] });
});

const stream = (...chunks: (string | Error)[]): Response =>
  new Response(
    new ReadableStream({
      pull(controller) {
        const next = chunks.shift();
        if (next instanceof Error) controller.error(next);
        else if (next === undefined) controller.close();
        else controller.enqueue(Buffer.from(next));
      },
    }),
  );

test.each([
  ['other bytes of the right size', /config/, () => stream('{"hidden":5}'), /expected git sha1 \w{40}, got \w{40}/],
  ['other bytes of a large file', /model\.onnx/, () => stream('Weights'), /expected sha256 \w{64}, got \w{64}/],
  ['a short body', /config/, () => stream('{"hid'), /expected 12 bytes, got 5/],
  ['an empty body', /config/, () => stream(), /expected 12 bytes, got 0/],
  ['a long body', /config/, () => stream('{"hidden":4}', 'more'), /expected 12 bytes, got more/],
  [
    'a connection that breaks',
    /config/,
    () => stream('{"hid', new Error('reset')),
    /the connection broke off; try again/,
  ],
])('%s never looks like a download', async (_, path, answer, message) => {
  const { options } = await published();
  const broken = { ...options, fetch: tampered(new RegExp(`resolve.*${path.source}`), answer) };
  await expect(snapshot('local/m', { options: broken })).rejects.toMatchObject({
    kind: 'job',
    message: expect.stringMatching(message),
  });
  const cache = join(options.cacheDir, 'models--local--m');
  expect(await readdir(cache)).not.toContain('refs');
  expect((await readdir(join(cache, 'blobs'))).filter((name) => name.includes('incomplete'))).toEqual([]);
  await expect(snapshot('local/m', { options: { ...options, offline: true } })).rejects.toThrow(/not in the cache/);
  const { folder } = await snapshot('local/m', { options });
  expect(await readFile(join(folder, 'config.json'), 'utf8')).toBe(files['config.json']);
});

test('a damaged file in the cache is fetched again when its size shows it', async () => {
  const { options } = await published();
  const { folder } = await snapshot('local/m', { options });
  await writeFile(join(folder, 'config.json'), 'short'); // through the link, into the blob
  await snapshot('local/m', { options });
  expect(await readFile(join(folder, 'config.json'), 'utf8')).toBe(files['config.json']);
});

test.each(['../evil', 'a/../../evil', '/etc/evil', 'C:/evil', 'a\\..\\evil', 'a//b', './a', '', 'a\u0000b'])(
  'a file called %j is refused',
  async (path) => {
    const { options } = await published();
    const listing = [{ type: 'file', path, size: 1, oid: 'a'.repeat(40) }];
    const hostile = { ...options, fetch: tampered(/\/tree\//, () => Response.json(listing)) };
    await expect(snapshot('local/m', { options: hostile })).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(/stay in the repository/),
    });
    expect(await readdir(options.cacheDir)).toEqual([]);
  },
);

test.each([
  ['a hash that is a path', { size: 1, oid: '../../evil' }],
  ['no size', { oid: 'a'.repeat(40) }],
  ['a negative size', { size: -1, oid: 'a'.repeat(40) }],
])('a listing with %s is refused', async (_, facts) => {
  const { options } = await published();
  const hostile = {
    ...options,
    fetch: tampered(/\/tree\//, () => Response.json([{ type: 'file', path: 'a', ...facts }])),
  };
  await expect(snapshot('local/m', { options: hostile })).rejects.toThrow(/expected size and hash of each file/);
});

test.each([
  ['an unknown repository', 'local/none', {}, {}, 'input', /model local\/none: not found.*check the name/],
  ['an unknown repository, no token', 'local/none', {}, { token: undefined }, 'input', /or set HF_TOKEN/],
  ['a name without namespace', 'gpt2', {}, {}, 'input', /model gpt2: not found/],
  ['an unknown revision', 'local/m', { revision: 'v9' }, {}, 'input', /no such revision/],
  ['a revision that is a path', 'local/m', { revision: '../../x' }, {}, 'input', /stay in the repository/],
  ['a data set of that name', 'local/m', { type: 'dataset' as const }, {}, 'input', /data set local\/m: not found/],
  ['a folder that is not there', './nowhere', {}, {}, 'input', /expected a folder, found none/],
  ['a wrong token', 'local/m', {}, { token: 'hf_guess' }, 'job', /the token is not accepted/],
  [
    'no server',
    'local/m',
    {},
    { endpoint: 'http://127.0.0.1:1' },
    'job',
    /127\.0\.0\.1:1 cannot be reached.*HF_ENDPOINT/,
  ],
])('%s: one clear line', async (_, id, request, given, kind, message) => {
  const { options } = await published();
  const error = await snapshot(id, { ...request, options: { ...options, ...given } }).catch((reason: Error) => reason);
  expect(error).toMatchObject({ name: 'HubError', kind, message: expect.stringMatching(message) });
  expect((error as Error).message).not.toMatch(/hf_guess|\n/);
});

test('a local folder passes through', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'onnx'));
  await writeFile(join(folder, 'onnx/model.onnx'), 'x');
  expect(await snapshot(folder)).toEqual({ folder, commit: null, files: ['onnx/model.onnx'] });
});

test('an abort stops the download and leaves no half file', async () => {
  const { options } = await published();
  const stop = new AbortController();
  const onEvent = (event: HubEvent): void => (event.type === 'download' ? stop.abort() : undefined);
  await expect(snapshot('local/m', { options, signal: stop.signal, onEvent })).rejects.toThrow(/abort/i);
  expect(await readdir(join(options.cacheDir, 'models--local--m'))).not.toContain('refs');
  await rm(options.cacheDir, { recursive: true });
});
