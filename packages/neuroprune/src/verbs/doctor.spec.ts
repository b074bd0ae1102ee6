import path from 'node:path';
import { expect, test } from 'vitest';
import { format, run } from './doctor.js';

const context = { signal: new AbortController().signal, onEvent: () => {}, cwd: path.resolve('/') };

test('the providers are those of ONNX Runtime on this machine', async () => {
  const { onnxRuntime, providers, node, threads } = await run({}, { ...context, env: {} });
  expect(onnxRuntime.version).toMatch(/^1\./);
  expect(providers).toContainEqual({ name: 'cpu', works: true });
  for (const { works, cause } of providers) expect(works ? undefined : cause).not.toBe('');
  expect(node).toBe(process.version);
  expect(threads).toBeGreaterThan(0);
});

test.each([
  [{ HF_HUB_CACHE: 'c', HF_HOME: 'h' }, 'c'],
  [{ HF_HOME: 'h' }, 'h/hub'],
  [{ XDG_CACHE_HOME: 'x' }, 'x/huggingface/hub'],
])('cache folder with %j', async (env, folder) => {
  const { cache } = await run({}, { ...context, env });
  expect(cache.folder).toBe(path.resolve('/', folder));
});

test('the text names endpoint, token and offline mode, never the token itself', async () => {
  const env = { HF_ENDPOINT: 'http://127.0.0.1:1', HF_TOKEN: 'hf_secret', HF_HUB_OFFLINE: '1' };
  const diagnosis = await run({}, { ...context, env });
  expect(format(diagnosis)).toContain('http://127.0.0.1:1, token set, offline');
  expect(JSON.stringify(diagnosis)).not.toContain('hf_secret');
});
