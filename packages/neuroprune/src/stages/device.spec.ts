import type { Device, Needs, Probe } from '@neuroprune/runtime';
import { expect, test } from 'vitest';
import type { RunEvent } from '../events.js';
import { type DeviceRequest, settleDevice } from './device.js';

const missing = 'the library libcublasLt.so.13 is missing';

/** A machine on which only `working` does, and what it is asked. */
function machine(working: Device) {
  const [told, asked]: [RunEvent[], string[]] = [[], []];
  const ask = async (device: Device): Promise<Probe> => {
    asked.push(device);
    const works = device === working;
    return { device, works, milliseconds: 1, ...(works ? {} : { cause: missing }) };
  };
  const choose = async ({ precision = 'fp32' }: Needs) => {
    asked.push(`auto ${precision}`);
    return { device: working, why: `${working} works`, probes: [] };
  };
  const settle = (request: DeviceRequest) =>
    settleDevice(request, { onEvent: (event) => void told.push(event) }, { choose, ask });
  return { settle, told, asked };
}

test.each<[what: string, working: Device, request: DeviceRequest, device: Device, asked: string[], why: string[]]>([
  ['auto is the best that works', 'cuda', { asked: 'auto' }, 'cuda', ['auto fp32'], ['cuda works']],
  ['auto is cpu where nothing else works', 'cpu', { asked: 'auto' }, 'cpu', ['auto fp32'], ['cpu works']],
  ['a device that is named is tried, and nothing told', 'cuda:1', { asked: 'cuda:1' }, 'cuda:1', ['cuda:1'], []],
  ['cpu is not even tried', 'cuda', { asked: 'cpu' }, 'cpu', [], []],
  [
    'a run goes on where it began, whatever is best now',
    'cuda',
    { asked: 'auto', stored: 'cpu' },
    'cpu',
    [],
    ['the run began on it'],
  ],
  [
    'and on the GPU it began on',
    'cuda:1',
    { asked: 'auto', stored: 'cuda:1' },
    'cuda:1',
    ['cuda:1'],
    ['the run began on it'],
  ],
  ['what is named comes before what is stored', 'cuda', { asked: 'cpu', stored: 'cuda' }, 'cpu', [], []],
  ['bf16 on a GPU', 'cuda', { asked: 'auto', precision: 'bf16' }, 'cuda', ['auto bf16'], ['cuda works']],
])('%s', async (_, working, request, device, tried, why) => {
  const { settle, told, asked } = machine(working);
  expect(await settle(request)).toBe(device);
  expect(asked).toEqual(tried);
  expect(told).toEqual(why.map((text) => ({ type: 'device', device, why: text })));
});

test.each<[DeviceRequest, string, Device?]>([
  [
    { asked: 'auto', stored: 'cuda' },
    `--resume: expected cuda, on which the run began, got: ${missing}; see neuroprune doctor, or go on with another --device, such as cpu`,
  ],
  [{ asked: 'cuda' }, `--device: expected cuda to work, got: ${missing}; see neuroprune doctor, or use --device auto`],
  [{ asked: 'auto', precision: 'bf16' }, 'precision: expected fp32 or fp16 on cpu, got bf16'],
  [{ asked: 'auto', precision: 'tf32' }, 'precision: expected fp32 or fp16 on cpu, got tf32'],
  [{ asked: 'webgpu', precision: 'bf16' }, 'precision: expected fp32 or fp16 on webgpu, got bf16', 'webgpu'],
])('%j is refused', async (request, message, working = 'cpu') => {
  const refused = machine(working).settle(request);
  await expect(refused).rejects.toMatchObject({ kind: 'input', message: expect.stringContaining(message) });
});
