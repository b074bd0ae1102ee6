import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseOptions } from '../schema/parse.js';
import { format, type Listening, run } from './hub-serve.js';

let cwd = '';
beforeEach(async () => {
  cwd = await mkdtemp(path.join(os.tmpdir(), 'hub-serve-'));
});
afterEach(() => rm(cwd, { recursive: true }));

/** Starts the verb; `url` comes when it is ready. */
function serve(input: object) {
  const controller = new AbortController();
  let done = Promise.resolve();
  const url = new Promise<string>((resolve, reject) => {
    const onEvent = ({ result }: { result?: unknown }) => resolve((result as Listening).url);
    done = run(parseOptions('hub serve', input), { signal: controller.signal, onEvent, cwd, env: {} });
    done.catch(reject);
  });
  const end = () => {
    controller.abort();
    return done;
  };
  return { url, end };
}

async function whoami(url: string, token: string): Promise<number> {
  const response = await fetch(`${url}/api/whoami-v2`, { headers: { authorization: `Bearer ${token}` } });
  await response.text();
  return response.status;
}

test('it knows its tokens and is gone after the signal', async () => {
  const users = [{ name: 'ann', tokens: [{ value: 'hf_ann', role: 'read' }] }];
  await writeFile(path.join(cwd, 'users.json'), JSON.stringify(users));
  const hub = serve({ root: 'hub', token: 'hf_local', users: 'users.json' });
  const url = await hub.url;
  expect(format({ url })).toMatch(/^listening on http:\/\/127\.0\.0\.1:\d+$/);
  expect(await whoami(url, 'hf_local')).toBe(200);
  expect(await whoami(url, 'hf_ann')).toBe(200);
  expect(await whoami(url, 'hf_nobody')).toBe(401);
  await hub.end();
  await expect(fetch(url)).rejects.toThrow();
});

test('a users file of another form is bad input', async () => {
  await writeFile(path.join(cwd, 'users.json'), '[{"name": "ann", "tokens": ["hf_ann"]}]');
  await expect(serve({ users: 'users.json' }).url).rejects.toMatchObject({ kind: 'input' });
});
