import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { history, start, startWithModel, temporaryFolder } from '../test/hub.js';
import type { LocalHubRequest } from './http/listener.js';
import { startLocalHub } from './server.js';

test('what was written is there after a restart, on another port', async () => {
  const root = await temporaryFolder();
  const before = await startWithModel({ root });
  await before.commit({ 'a b/ü.txt': 'kept' });
  const commits = await history(before);
  await before.close();
  const after = await start({ root });
  expect(await history(after)).toEqual(commits);
  expect(await (await after.ask('GET', `/local/m/resolve/main/${encodeURIComponent('a b')}/ü.txt`)).text()).toBe(
    'kept',
  );
});

test('a seed is imported once: what changed since stays, what was deleted stays away', async () => {
  const [root, seed] = [await temporaryFolder(), await temporaryFolder()];
  for (const [path, text] of [
    ['models/README.md', 'no repository'],
    ['models/local/one/config.json', '{}'],
    ['models/local/one/onnx/model.onnx', 'weights'],
    ['models/local/two/a', 'a'],
    ['datasets/local/one/data/train.parquet', 'rows'],
  ] as const) {
    await mkdir(join(seed, path, '..'), { recursive: true });
    await writeFile(join(seed, path), text);
  }
  const first = await start({ root, seed });
  const paths = async (client: typeof first, api: string) =>
    (
      (await (await client.ask('GET', `/api/${api}/tree/main?recursive=true`)).json()) as {
        path: string;
        lfs?: unknown;
      }[]
    ).map(({ path, lfs }) => (lfs ? `${path} (lfs)` : path));
  expect(await paths(first, 'models/local/one')).toEqual([
    'onnx',
    '.gitattributes',
    'config.json',
    'onnx/model.onnx (lfs)',
  ]);
  expect(await paths(first, 'datasets/local/one')).toEqual(['data', '.gitattributes', 'data/train.parquet (lfs)']);
  const commits = await history(first, 'main', 'local/one');
  await first.ask('DELETE', '/api/repos/delete', { name: 'two', organization: 'local', type: 'model' });
  await first.close();
  await writeFile(join(seed, 'models/local/one/config.json'), 'changed later');
  const second = await start({ root, seed });
  expect((await second.ask('GET', '/api/models/local/two')).status).toBe(404);
  expect(await (await second.ask('GET', '/local/one/resolve/main/config.json')).text()).toBe('{}');
  expect(await history(second, 'main', 'local/one')).toEqual(commits);
});

test('the same seed gives the same commits everywhere', async () => {
  const seed = await temporaryFolder();
  await mkdir(join(seed, 'models/local/m'), { recursive: true });
  await writeFile(join(seed, 'models/local/m/a'), 'a');
  expect(await history(await start({ seed }))).toEqual(await history(await start({ seed })));
});

test('names: case does not matter, unsafe ones are refused', async () => {
  const { ask } = await startWithModel();
  expect(await (await ask('GET', '/api/models/LOCAL/M')).json()).toMatchObject({ id: 'local/m' });
  const create = async (name: string) =>
    (await ask('POST', '/api/repos/create', { name, organization: 'local' })).status;
  for (const name of ['M', 'a..b', '../m', 'a--b', 'x.git', '.a', 'a/b/c', 'a'.repeat(97), 'ü', '']) {
    expect(await create(name), name).toBe(name === 'M' ? 409 : name === 'a/b/c' ? 403 : 400);
  }
  expect(await (await ask('POST', '/api/repos/create', { name: 'm', organization: 'local' })).json()).toMatchObject({
    url: expect.stringMatching(/\/local\/m$/),
  });
});

test('lists come in pages that lead on', async () => {
  const { ask, commit, url } = await startWithModel();
  await commit(Object.fromEntries(Array.from({ length: 5 }, (_, i) => [`f${i}`, 'x'])));
  const seen: string[] = [];
  for (let next: string | undefined = `${url}/api/models/local/m/tree/main?limit=2`; next; ) {
    const response: Response = await ask('GET', next);
    seen.push(...((await response.json()) as { path: string }[]).map(({ path }) => path));
    next = /^<(\S+)>; rel="next"$/.exec(response.headers.get('Link') ?? '')?.[1];
  }
  expect(seen).toEqual(['.gitattributes', 'f0', 'f1', 'f2', 'f3', 'f4']);
  const commits = await ask('GET', '/api/models/local/m/commits/main?limit=1');
  expect([commits.headers.get('X-Total-Count'), commits.headers.get('Link')]).toEqual([
    '2',
    expect.stringContaining('next'),
  ]);
});

test('forms are read as JSON is', async () => {
  const { ask, commit } = await startWithModel();
  await commit({ a: '1', b: '2' });
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
  const response = await ask('POST', '/api/models/local/m/paths-info/main', 'paths=a&paths=b&expand=true', { headers });
  expect(await response.json()).toMatchObject([{ path: 'a', lastCommit: { title: 'test' } }, { path: 'b' }]);
});

test.each([
  ['---\na: 1\nb:\n- x\n  y: 2\n# c\n---\ntext', 200],
  ['no front matter', 200],
  ['---\na: 1\n', 400],
  ['---\nnot yaml at all\n---\n', 400],
])('validate-yaml %j', async (content, status) => {
  const { ask } = await start();
  const response = await ask('POST', '/api/validate-yaml', { content, repoType: 'model' }, { token: null });
  expect(response.status).toBe(status);
  expect(await response.json()).toEqual({
    errors: status === 200 ? [] : [{ message: expect.any(String) }],
    warnings: [],
  });
});

test('requests are told without their tokens, also those that were refused', async () => {
  const seen: LocalHubRequest[] = [];
  const { ask } = await start({ onRequest: (request) => seen.push(request) });
  await ask('GET', '/api/whoami-v2');
  await ask('GET', '/nothing', undefined, { token: null });
  expect(seen).toEqual([
    { server: 'hub', method: 'GET', path: '/api/whoami-v2', status: 200, withToken: true },
    { server: 'hub', method: 'GET', path: '/nothing', status: 404, withToken: false },
  ]);
});

test('tokens are in no file of the root', async () => {
  const root = await temporaryFolder();
  const { commit, close } = await startWithModel({ root });
  await commit({ a: '1' });
  await close();
  const { readdir } = await import('node:fs/promises');
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) expect(await readFile(join(entry.parentPath, entry.name), 'utf8')).not.toContain('hf_');
  }
});

test('what stops it from starting is said in one line', async () => {
  const root = await temporaryFolder();
  const { url } = await start();
  const port = Number(new URL(url).port);
  await expect(startLocalHub({ root, port })).rejects.toMatchObject({
    kind: 'job',
    message: expect.stringMatching(/^local-hub: port \d+ of 127\.0\.0\.1 is in use/),
  });
  await expect(startLocalHub({ root, seed: join(root, 'none') })).rejects.toMatchObject({ kind: 'input' });
  await expect(startLocalHub({ root, multipartMb: 0 })).rejects.toMatchObject({ kind: 'input' });
  await expect(startLocalHub({ root, token: 'secret' })).rejects.toMatchObject({ kind: 'input' });
});
