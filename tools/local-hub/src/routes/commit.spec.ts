import { expect, test } from 'vitest';
import { history, ndjson, sha256, startWithModel } from '../../test/hub.js';

const paths = async (response: Promise<Response>): Promise<string[]> =>
  ((await (await response).json()) as { path: string }[]).map(({ path }) => path);

test('a commit replaces, adds and deletes, and the history tells it', async () => {
  const client = await startWithModel();
  const { ask, commit } = client;
  const first = (await (await commit({ a: '1', 'b/c': '2', 'b/d': '3' })).json()) as { commitOid: string };
  await commit({ a: 'changed', 'b/c': null });
  expect(await paths(ask('GET', '/api/models/local/m/tree/main?recursive=true'))).toEqual([
    'b',
    '.gitattributes',
    'a',
    'b/d',
  ]);
  const [head, second, initial] = await history(client);
  expect([second, initial]).toEqual([first.commitOid, expect.any(String)]);
  const response = await ask('POST', '/api/models/local/m/paths-info/main', {
    paths: ['a', '/b/d/', 'none'],
    expand: true,
  });
  const entries = (await response.json()) as { path: string; lastCommit: { id: string } }[];
  expect(entries.map(({ path, lastCommit }) => [path, lastCommit.id])).toEqual([
    ['a', head],
    ['b/d', first.commitOid],
  ]);
  expect(await (await ask('GET', `/local/m/resolve/${first.commitOid}/a`)).text()).toBe('1');
});

test('of two commits on the same parent exactly one lands; without a parent both do', async () => {
  const client = await startWithModel();
  const [parentCommit] = await history(client);
  const answers = await Promise.all(['x', 'y', 'z'].map((path) => client.commit({ [path]: path }, { parentCommit })));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 412, 412]);
  expect(await history(client)).toHaveLength(2);
  const free = await Promise.all(['p', 'q', 'r'].map((path) => client.commit({ [path]: path })));
  expect(free.map(({ status }) => status)).toEqual([200, 200, 200]);
  expect(await history(client)).toHaveLength(5);
});

const oid = sha256(Buffer.from('nobody uploaded this'));
const file = (path: unknown) => ({ key: 'file', value: { path, content: '', encoding: 'base64' } });

test.each([
  ['not JSON', 'what', 400],
  ['empty', '', 400],
  ['no header', JSON.stringify(file('a')), 400],
  ['a header without summary', ndjson({}), 400],
  ['an unknown key', ndjson({ summary: '' }, { key: 'constructor', value: {} }), 400],
  [
    'an unknown encoding',
    ndjson({ summary: '' }, { key: 'file', value: { path: 'a', content: '', encoding: 'hex' } }),
    400,
  ],
  [
    'a large file nobody uploaded',
    ndjson({ summary: '' }, { key: 'lfsFile', value: { path: 'a', algo: 'sha256', oid, size: 3 } }),
    400,
  ],
  [
    'a large file by a path',
    ndjson({ summary: '' }, { key: 'lfsFile', value: { path: 'a', algo: 'sha256', oid: '../a' } }),
    400,
  ],
  ['deletion of what is not there', ndjson({ summary: '' }, { key: 'deletedFile', value: { path: 'none' } }), 404],
  ['a file where a folder is', ndjson({ summary: '' }, file('a'), file('a/b')), 400],
  ['a parent that is not the head', ndjson({ summary: '', parentCommit: 'a'.repeat(40) }, file('a')), 412],
  ...[
    '',
    '/a',
    '../a',
    'a/../b',
    './a',
    'a//b',
    'a/',
    '.git/config',
    'a/.GIT/b',
    'a\\b',
    'C:/a',
    'a\u0000b',
    'a\nb',
    7,
    null,
  ].map((path): [string, string, number] => [`path ${JSON.stringify(path)}`, ndjson({ summary: '' }, file(path)), 400]),
])('refused, and nothing changes: %s', async (_, body, status) => {
  const client = await startWithModel();
  const good = ndjson({ summary: '' }, file('good')).split('\n')[1];
  const response = await client.ask('POST', '/api/models/local/m/commit/main', body === '' ? body : `${body}\n${good}`);
  expect(response.status).toBe(status);
  expect(await history(client)).toHaveLength(1);
  expect(await paths(client.ask('GET', '/api/models/local/m/tree/main'))).toEqual(['.gitattributes']);
});

test('names that JavaScript objects treat in their own way are plain files', async () => {
  const { ask, commit } = await startWithModel();
  await commit({ ['__proto__']: 'a', 'constructor/x': 'b' });
  expect(await paths(ask('GET', '/api/models/local/m/tree/main?recursive=true'))).toContain('__proto__');
  expect(await (await ask('GET', '/local/m/resolve/main/__proto__')).text()).toBe('a');
});

test('a pull request leaves the branch alone and can be committed to', async () => {
  const client = await startWithModel();
  const [base] = await history(client);
  await client.commit({ a: '1' });
  const made = (await (await client.commit({ b: '2' }, { parentCommit: base }, '?create_pr=1')).json()) as Record<
    string,
    string
  >;
  expect(made.pullRequestUrl).toBe(`${client.url}/local/m/discussions/1`);
  expect(await history(client, 'refs/pr/1')).toEqual([made.commitOid, base]);
  expect(await history(client, 'refs%2Fpr%2F1')).toEqual([made.commitOid, base]);
  const again = await client.ask(
    'POST',
    '/api/models/local/m/commit/refs%2Fpr%2F1',
    ndjson({ summary: 's' }, file('c')),
  );
  expect(again.status).toBe(200);
  expect(await paths(client.ask('GET', '/api/models/local/m/tree/refs/pr/1'))).toEqual(['.gitattributes', 'b', 'c']);
  expect(await paths(client.ask('GET', '/api/models/local/m/tree/main'))).toEqual(['.gitattributes', 'a']);
  const refs = await (await client.ask('GET', '/api/models/local/m/refs?include_prs=1')).json();
  expect(refs).toMatchObject({ branches: [{ name: 'main' }], tags: [], converts: [], pullRequests: [{ name: '1' }] });
});

test('branches and tags', async () => {
  const { ask, commit } = await startWithModel();
  const api = '/api/models/local/m';
  const status = async (method: string, path: string, body: object = {}) =>
    (await ask(method, `${api}${path}`, body)).status;
  await commit({ 'sub/a': '1' });
  expect(await status('POST', '/branch/feature%2Fx')).toBe(200);
  expect(await status('POST', '/branch/feature%2Fx')).toBe(409);
  expect(await paths(ask('GET', `${api}/tree/feature/x/sub`))).toEqual(['sub/a']);
  expect(await status('POST', '/tag/main', { tag: 'v1' })).toBe(200);
  expect(await status('POST', '/tag/main', { tag: 'v1' })).toBe(409);
  expect(await status('POST', '/tag/none', { tag: 'v2' })).toBe(404);
  expect(await status('POST', '/branch/..%2Fx')).toBe(400);
  expect(await (await ask('GET', '/local/m/resolve/v1/sub/a')).text()).toBe('1');
  expect((await ask('POST', `${api}/commit/v1`, ndjson({ summary: 's' }, file('c')))).status).toBe(404);
  expect(await status('DELETE', '/tag/v1')).toBe(200);
  expect(await status('DELETE', '/branch/feature%2Fx')).toBe(200);
  expect(await status('DELETE', '/branch/feature%2Fx')).toBe(404);
  expect(await status('DELETE', '/branch/main')).toBe(403);
  expect((await ask('GET', `${api}/revision/v1`)).headers.get('X-Error-Code')).toBe('RevisionNotFound');
});
