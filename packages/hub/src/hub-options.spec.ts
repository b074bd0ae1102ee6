import { mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { temporaryFolder } from '../test/local.js';
import { hubOptions } from './hub-options.js';

const home = join(homedir(), '.cache/huggingface');

test.each([
  [{}, { endpoint: 'https://huggingface.co', cacheDir: join(home, 'hub'), offline: false }],
  [{ HF_ENDPOINT: 'http://127.0.0.1:80/' }, { endpoint: 'http://127.0.0.1:80' }],
  [{ HF_TOKEN: ' hf_a\n' }, { token: 'hf_a' }],
  [{ HF_HOME: '/h' }, { cacheDir: join('/h', 'hub') }],
  [{ XDG_CACHE_HOME: '/x' }, { cacheDir: join('/x', 'huggingface', 'hub') }],
  [{ HF_HOME: '/h', HF_HUB_CACHE: '/c' }, { cacheDir: '/c' }],
  [{ HF_HUB_OFFLINE: '1' }, { offline: true }],
  [{ HF_HUB_OFFLINE: 'True' }, { offline: true }],
  [{ HF_HUB_OFFLINE: '0' }, { offline: false }],
])('environment %j gives %j', (env, expected) => {
  expect(hubOptions({}, env)).toMatchObject(expected);
});

test('the token file is the last resort', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'hf'));
  await writeFile(join(folder, 'hf/token'), 'hf_file\n');
  await writeFile(join(folder, 'other'), 'hf_other');
  const home = { HF_HOME: join(folder, 'hf') };
  expect(hubOptions({}, home).token).toBe('hf_file');
  expect(hubOptions({}, { ...home, HF_TOKEN_PATH: join(folder, 'other') }).token).toBe('hf_other');
  expect(hubOptions({}, { ...home, HF_TOKEN: 'hf_env' }).token).toBe('hf_env');
  expect(hubOptions({ token: 'hf_given' }, { ...home, HF_TOKEN: 'hf_env' }).token).toBe('hf_given');
  expect(hubOptions({}, { HF_HOME: folder }).token).toBeUndefined();
});

test.each([
  ['HF_TOKEN', 'secret-without-prefix'],
  ['HF_TOKEN', 'hf_two words'],
  ['HF_ENDPOINT', 'not an address'],
  ['HF_ENDPOINT', 'ftp://host'],
  ['HF_ENDPOINT', 'https://user:secret@host'],
])('%s=%s is refused without being repeated', (name, value) => {
  const error = (() => {
    try {
      hubOptions({}, { [name]: value });
    } catch (reason) {
      return reason as Error;
    }
  })();
  expect(error).toMatchObject({
    name: 'HubError',
    kind: 'input',
    message: expect.stringContaining(`hub: ${name}: expected`),
  });
  expect(error?.message).not.toContain(value);
});

test('requests go through the proxy of the environment, those to loopback do not', async () => {
  const server = createServer((request, response) => response.end(`proxied ${request.url}`));
  const tunnels: (string | undefined)[] = [];
  server.on('connect', (request, socket) => {
    tunnels.push(request.url);
    socket.end('HTTP/1.1 502 no\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const proxy = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { fetch } = hubOptions({}, { HTTP_PROXY: proxy, HTTPS_PROXY: proxy, NO_PROXY: 'example.org' });
  await expect(fetch('http://hub.invalid/x')).rejects.toThrow();
  expect(tunnels).toEqual(['hub.invalid:80']);
  expect(await (await fetch(`${proxy}/x`)).text()).toBe('proxied /x');
});
