import path from 'node:path';
import { expect, test } from 'vitest';
import { format, run } from './doctor.js';

const context = { signal: new AbortController().signal, onEvent: () => {}, cwd: path.resolve('/') };

test('the providers are those of ONNX Runtime on this machine', async () => {
  const { onnxRuntime, providers, node, threads } = await run({ installCuda: false }, { ...context, env: {} });
  expect(onnxRuntime.version).toMatch(/^1\./);
  expect(providers).toContainEqual({ name: 'cpu', works: true });
  for (const { works, cause } of providers) expect(works ? undefined : cause).not.toBe('');
  expect(node).toBe(process.version);
  expect(threads).toBeGreaterThan(0);
});

test('the build of ONNX Runtime, memory and what stands in for a GPU are told', async () => {
  const diagnosis = await run({ installCuda: false }, { ...context, env: {} });
  const { onnxRuntime, memory, memoryAvailable } = diagnosis;
  if (process.platform === 'linux') expect(onnxRuntime.build).toMatch(/git-commit-id=[0-9a-f]+.*build type=\w+$/);
  expect(memoryAvailable).toBeGreaterThan(0);
  expect(memoryAvailable).toBeLessThanOrEqual(memory);
  const webgpu = { name: 'webgpu', works: true, software: 'libvk_swiftshader.so' };
  const text = format({ ...diagnosis, providers: [webgpu], onnxRuntime: { ...onnxRuntime, build: 'so and so' } });
  expect(text).toContain('webgpu            works without a GPU: libvk_swiftshader.so computes on the cpu');
  expect(format({ ...diagnosis, providers: [{ name: 'webgpu', works: true, half: false }] })).toContain(
    'webgpu            works, not in float16',
  );
  expect(text).toContain('built as          so and so');
  expect(text).toMatch(/^memory +\d+\.\d GiB, \d+\.\d GiB available$/m);
});

test.each([
  [{ HF_HUB_CACHE: 'c', HF_HOME: 'h' }, 'c'],
  [{ HF_HOME: 'h' }, 'h/hub'],
  [{ XDG_CACHE_HOME: 'x' }, 'x/huggingface/hub'],
])('cache folder with %j', async (env, folder) => {
  const { cache } = await run({ installCuda: false }, { ...context, env });
  expect(cache.folder).toBe(path.resolve('/', folder));
});

test('the text names endpoint, token and offline mode, never the token itself', async () => {
  const env = { HF_ENDPOINT: 'http://127.0.0.1:1', HF_TOKEN: 'hf_secret', HF_HUB_OFFLINE: '1' };
  const diagnosis = await run({ installCuda: false }, { ...context, env });
  expect(format(diagnosis)).toContain('http://127.0.0.1:1, token set, offline');
  expect(JSON.stringify(diagnosis)).not.toContain('hf_secret');
});

test('--install-cuda takes the wheel it is given, relative to the folder of the call', async () => {
  const wheel = 'no/such.whl';
  await expect(run({ installCuda: true, wheel }, { ...context, env: {} })).rejects.toThrow(
    process.platform === 'linux' && process.arch === 'x64'
      ? `wheel '${path.resolve('/', wheel)}': expected a wheel of onnxruntime-gpu, got `
      : 'expected linux-x64',
  );
});

test('what is installed and what it lacks is told', async () => {
  const diagnosis = await run({ installCuda: false }, { ...context, env: {} });
  const installed = {
    version: '1',
    files: ['/x/a.so'],
    needed: [{ name: 'libcublas.so.13' }, { name: 'libcudart.so.13', path: '/y/libcudart.so.13' }],
    searched: ['/z'],
  };
  expect(
    format({ ...diagnosis, installed })
      .split('\n')
      .slice(0, 3),
  ).toEqual([
    'installed         /x/a.so',
    'needs             libcudart.so.13, /y/libcudart.so.13',
    'missing           libcublas.so.13; looked in the system, /z (LD_LIBRARY_PATH)',
  ]);
});
