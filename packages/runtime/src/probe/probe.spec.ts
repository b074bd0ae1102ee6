import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import { runtimeFolder } from '../cuda/runtime-folder.js';
import { loadedLibraries, softwareDriver } from './adapter.js';
import { causeOf } from './cause.js';
import { chooseDevice, preference, probeOnce } from './choose.js';
import { type Probe, type Probed, probe } from './probe.js';

describe('a device', () => {
  it('that works says so', { timeout: 30_000 }, async () => {
    expect(await probe('cpu')).toMatchObject({ device: 'cpu', works: true });
  });

  it('of webgpu says whether it computes in float16 and what computes, where it works', {
    timeout: 90_000,
  }, async () => {
    const { works, half, cause } = await probe('webgpu');
    expect(works ? typeof half : typeof cause).toBe(works ? 'boolean' : 'string');
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
  const found = (more: Partial<Probe>) => (device: Probed) => ({ device, works: true, milliseconds: 1, ...more });
  const works = found({ half: true });
  const whole = found({ half: false });
  const lacks = found({ works: false, cause: 'there is no such GPU' });
  const paints = found({ software: 'libvk_swiftshader.so', half: true });
  type Machine = readonly [cuda: typeof works, webgpu: typeof works];
  const noCuda = 'cuda does not work: there is no such GPU';

  it.each<[what: string, machine: Machine, precision: string, device: string, why: string, asked: string[]]>([
    ['cuda where it works', [works, works], 'fp32', 'cuda', 'cuda works', ['cuda']],
    ['cuda for bf16', [works, works], 'bf16', 'cuda', 'cuda works', ['cuda']],
    ['webgpu without cuda', [lacks, whole], 'fp32', 'webgpu', 'webgpu works', ['cuda', 'webgpu']],
    ['webgpu for fp16 where its adapter has it', [lacks, works], 'fp16', 'webgpu', 'webgpu works', ['cuda', 'webgpu']],
    [
      'cpu for fp16 where the adapter has none',
      [lacks, whole],
      'fp16',
      'cpu',
      `${noCuda}; webgpu has an adapter without float16`,
      ['cuda', 'webgpu'],
    ],
    ['cpu, not webgpu, for bf16', [lacks, works], 'bf16', 'cpu', `${noCuda}; webgpu has no bf16`, ['cuda', 'webgpu']],
    [
      'cpu, not webgpu without a GPU',
      [lacks, paints],
      'fp32',
      'cpu',
      `${noCuda}; webgpu has no GPU: libvk_swiftshader.so computes on the cpu`,
      ['cuda', 'webgpu'],
    ],
    [
      'cpu without others',
      [lacks, lacks],
      'fp32',
      'cpu',
      `${noCuda}; webgpu does not work: there is no such GPU`,
      ['cuda', 'webgpu'],
    ],
  ])('takes %s', async (_, [cuda, webgpu], precision, device, why, expected) => {
    const asked: string[] = [];
    const ask = async (name: Probed) => {
      asked.push(name);
      return name === 'cuda' ? cuda(name) : webgpu(name);
    };
    expect(await chooseDevice({ precision }, ask)).toMatchObject({ device, why });
    expect(asked).toEqual(expected);
  });

  it('tries cuda, then webgpu, and nothing for cpu', () => {
    expect(preference).toEqual(['cuda', 'webgpu', 'cpu']);
  });

  it('asks a device once a process, and starts none for a library that is not there', async () => {
    const first = await probeOnce('cuda');
    expect(await probeOnce('cuda')).toBe(first);
    const direct = existsSync(path.join(runtimeFolder(), 'libonnxruntime_providers_cuda.so'));
    expect(first.milliseconds === 0).toBe(!direct && process.platform === 'linux');
  }, 90_000);
});

test.each([
  [['/a/libvk_swiftshader.so', '/b/libvulkan.so.1'], 'libvk_swiftshader.so'],
  [['/usr/lib/x86_64-linux-gnu/libvulkan_lvp.so'], 'libvulkan_lvp.so'],
  [['/usr/lib/libvulkan_lvp.so', '/usr/lib/libGLX_nvidia.so.570.1'], undefined],
  [['/usr/lib/libvulkan_radeon.so'], undefined],
  [['/usr/lib/libvulkan.so.1'], undefined],
])('%j: the driver in the place of a GPU is %s', (libraries, driver) => {
  expect(softwareDriver(libraries)).toBe(driver);
});

test.runIf(process.platform === 'linux')('a process knows the libraries it has loaded (linux only)', () => {
  expect(loadedLibraries().some((file) => /\/libc[.-]/.test(file))).toBe(true);
});
