import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import { causeOf } from './cause.js';
import { chooseDevice } from './choose.js';
import { type Probe, type Probed, probe } from './probe.js';

describe('a device', () => {
  it('that works says so', { timeout: 30_000 }, async () => {
    expect(await probe('cpu')).toMatchObject({ device: 'cpu', works: true });
  });

  it('that does not work has a cause in words, or works', { timeout: 90_000 }, async () => {
    const { works, cause } = await probe('cuda:63');
    expect(works || /missing|no such GPU|too old/.test(cause ?? '')).toBe(true);
  });

  it('whose process crashes or says nonsense does not work', { timeout: 30_000 }, async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'probe-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const crash = path.join(folder, 'crash.cjs');
    await writeFile(crash, `process.kill(process.pid, 'SIGSEGV');`);
    const nonsense = path.join(folder, 'nonsense.cjs');
    await writeFile(nonsense, `process.stdout.write('[1]'); process.exit(0);`);
    const withScript = (file: string) => probe('cpu', { ...process.env, NODE_OPTIONS: `--require=${file}` });
    expect(await withScript(crash)).toMatchObject({ works: false, cause: 'its process crashed (SIGSEGV)' });
    expect(await withScript(nonsense)).toMatchObject({
      works: false,
      cause: 'it computed [1] where [7,10,15,22] is right',
    });
  });
});

test.each([
  [
    'Failed to load library /x/libonnxruntime_providers_shared.so with error: /x/libonnxruntime_providers_shared.so: cannot open shared object file: No such file',
    "the provider's library is missing; get it with doctor --install-cuda",
  ],
  [
    'Failed to load library with error: libcublasLt.so.13: cannot open shared object file: No such file or directory',
    'the library libcublasLt.so.13 is missing; install it, or name its folder in LD_LIBRARY_PATH',
  ],
  [
    'CUDA failure 35: CUDA driver version is insufficient for CUDA runtime version',
    'the driver is too old for this CUDA version; update it',
  ],
  ['CUDA failure 101: invalid device ordinal', 'there is no such GPU'],
  ["Warning: Couldn't load Vulkan: libvulkan.so.1", 'no graphics driver: libvulkan.so.1 is missing'],
  ['adapter_result.status was false. No supported adapters', 'no adapter: there is no GPU that WebGPU can use'],
  ['first\nsomething else went wrong\n', 'something else went wrong'],
])('the cause of "%s"', (said, words) => {
  expect(causeOf(said)).toBe(words);
});

describe('auto', () => {
  const answer =
    (works: boolean) =>
    async (device: Probed): Promise<Probe> => ({
      device,
      works,
      milliseconds: 1,
      ...(works ? {} : { cause: 'there is no such GPU' }),
    });

  it('takes cuda where it works', async () => {
    expect(await chooseDevice(answer(true))).toMatchObject({ device: 'cuda', why: 'cuda works' });
  });

  it('falls back on cpu and says why', async () => {
    expect(await chooseDevice(answer(false))).toMatchObject({
      device: 'cpu',
      why: 'cuda does not work: there is no such GPU',
    });
  });
});
