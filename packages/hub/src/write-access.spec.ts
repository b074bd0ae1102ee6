import { expect, test } from 'vitest';
import { clientOf, localHub, READ_TOKEN, temporaryFolder } from '../test/local.js';
import { checkWriteAccess } from './write-access.js';

test('a write token passes for its own namespace and its organizations, and nothing is made', async () => {
  const users = [{ name: 'ann', orgs: ['team'], tokens: [{ value: 'hf_ann', role: 'write' as const }] }];
  const { hub, seen } = await localHub({ users });
  const options = clientOf(hub.url, await temporaryFolder(), { token: 'hf_ann' });
  for (const name of ['ann/m', 'Team/m']) await checkWriteAccess(name, { options });
  expect(seen.map(({ method }) => method)).toEqual(['GET', 'GET']);
});

test.each([
  ['no token', { token: undefined }, 'local/m', 'input', /publishing needs a token; set HF_TOKEN/],
  ['a token nobody has', { token: 'hf_guess' }, 'local/m', 'job', /the token is not accepted/],
  ['a token that only reads', { token: READ_TOKEN }, 'local/m', 'job', /token of reader can read but not write/],
  ['a foreign namespace', {}, 'google/m', 'job', /local has no write access to google/],
  ['no namespace', {}, 'm', 'input', /expected ORG\/NAME/],
  ['no server', { endpoint: 'http://127.0.0.1:1' }, 'local/m', 'job', /127\.0\.0\.1:1 cannot be reached/],
])('%s: one clear line', async (_, given, name, kind, message) => {
  const { hub } = await localHub();
  const options = { ...clientOf(hub.url, await temporaryFolder()), ...given };
  const error = await checkWriteAccess(name, { options }).catch((reason: Error) => reason);
  expect(error).toMatchObject({ name: 'HubError', kind, message: expect.stringMatching(message) });
  expect((error as Error).message).not.toMatch(/\n|hf_(guess|read)/);
});
