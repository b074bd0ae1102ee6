import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { OTHER, READ, start, startWithModel, temporaryFolder, WRITE } from '../test/hub.js';
import { authenticator, readUsers } from './auth.js';

const create = { name: 'new', organization: 'local', type: 'model' };
const info = '/api/models/local/m';

test.each([
  ['whoami, no token', null, 'GET', '/api/whoami-v2', undefined, 401, null],
  ['whoami, wrong token', 'hf_x', 'GET', '/api/whoami-v2', undefined, 401, null],
  ['whoami', READ, 'GET', '/api/whoami-v2', undefined, 200, null],
  ['public repository, no token', null, 'GET', info, undefined, 200, null],
  ['public repository, wrong token', 'hf_x', 'GET', info, undefined, 401, null],
  ['public file, wrong token', 'hf_x', 'HEAD', '/local/m/resolve/main/.gitattributes', undefined, 401, null],
  ['missing repository, no token', null, 'GET', '/api/models/local/none', undefined, 401, 'RepoNotFound'],
  ['missing repository, token', WRITE, 'GET', '/api/models/local/none', undefined, 404, 'RepoNotFound'],
  ['missing data set of that name', WRITE, 'GET', '/api/datasets/local/m', undefined, 404, 'RepoNotFound'],
  ['name without namespace', WRITE, 'GET', '/api/models/gpt2/revision/main', undefined, 404, 'RepoNotFound'],
  ['file of a name without namespace', WRITE, 'GET', '/gpt2/resolve/main/config.json', undefined, 404, 'RepoNotFound'],
  ['create, no token', null, 'POST', '/api/repos/create', create, 401, null],
  ['create, wrong token', 'hf_x', 'POST', '/api/repos/create', create, 401, null],
  ['create, read token', READ, 'POST', '/api/repos/create', create, 403, null],
  ['create, foreign namespace', OTHER, 'POST', '/api/repos/create', create, 403, null],
  ['create', WRITE, 'POST', '/api/repos/create', create, 200, null],
  ['commit, no token', null, 'POST', `${info}/commit/main`, {}, 401, null],
  ['commit, read token', READ, 'POST', `${info}/commit/main`, {}, 403, null],
  ['commit, foreign namespace', OTHER, 'POST', `${info}/commit/main`, {}, 403, null],
  ['upload, read token', READ, 'POST', '/local/m.git/info/lfs/objects/batch', {}, 403, null],
  ['preupload, read token', READ, 'POST', `${info}/preupload/main`, {}, 403, null],
  ['delete, no token', null, 'DELETE', '/api/repos/delete', { name: 'local/m' }, 401, null],
  ['delete, foreign namespace', OTHER, 'DELETE', '/api/repos/delete', { name: 'local/m' }, 403, null],
])('%s', async (_, token, method, path, body, status, code) => {
  const { ask } = await startWithModel();
  const response = await ask(method, path, body, { token });
  expect(response.status).toBe(status);
  expect(response.headers.get('X-Error-Code')).toBe(code);
  if (status === 401) expect(response.headers.get('WWW-Authenticate')).toMatch(/^Bearer realm=/);
  if (status >= 400) expect(response.headers.get('X-Error-Message')).toBeTruthy();
  if (status >= 400 && method !== 'HEAD') expect(await response.json()).toEqual({ error: expect.any(String) });
});

test('a private repository is hidden from all but its namespace', async () => {
  const { ask } = await start();
  await ask('POST', '/api/repos/create', { ...create, visibility: 'private' });
  const statuses = await Promise.all(
    [WRITE, READ, OTHER, null].map(
      async (token) => (await ask('GET', '/api/models/local/new', undefined, { token })).status,
    ),
  );
  expect(statuses).toEqual([200, 200, 404, 401]);
  const listed = async (token: string) =>
    ((await (await ask('GET', '/api/models', undefined, { token })).json()) as unknown[]).length;
  expect([await listed(WRITE), await listed(OTHER)]).toEqual([1, 0]);
});

test('without users nobody can write', async () => {
  const { ask } = await start({ token: undefined, users: [] } as never);
  expect((await ask('POST', '/api/repos/create', create)).status).toBe(401);
});

test('users that no client could be are refused, without repeating their tokens', () => {
  expect(() => authenticator([{ name: 'a', tokens: [{ value: 'secret', role: 'read' }] }])).toThrow(
    /^local-hub: a token of 'a': must start with hf_$/,
  );
  expect(() => authenticator([{ name: '../a', tokens: [] }])).toThrow(/expected a name/);
});

test.each([
  ['[{"name":"a","tokens":[{"value":"hf_a","role":"write"}]}]', true],
  ['[{"name":"a","orgs":["b"],"tokens":[]}]', true],
  ['{"name":"a"}', false],
  ['[{"name":"a"}]', false],
  ['[{"name":"a","tokens":[{"value":"hf_a","role":"admin"}]}]', false],
  ['[null]', false],
  ['no json', false],
])('users file %s', async (text, isFine) => {
  const path = join(await temporaryFolder(), 'users.json');
  await writeFile(path, text);
  if (isFine) expect(await readUsers(path)).toEqual(JSON.parse(text));
  else
    await expect(readUsers(path)).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringContaining('users.json'),
    });
});
