import { existsSync } from 'node:fs';
import path from 'node:path';
import { runtimeFolder } from '../cuda/runtime-folder.js';
import type { Device, Provider } from '../device.js';
import { type Probe, type Probed, probe } from './probe.js';

/** What `auto` came to. */
export interface Choice {
  readonly device: Device;
  /** In words, for whoever asked. */
  readonly why: string;
  readonly probes: readonly Probe[];
}

/** What a device is to do. */
export interface Needs {
  /** Type of products in training. */
  readonly precision?: string | undefined;
}

/** Fastest first, as measured in training (docs/results/speed.md). */
export const preference: readonly Provider[] = ['cuda', 'webgpu', 'cpu'];

/**
 * The fastest device that works here and can do what is needed: each one faster is tried, and said why not. A driver that
 * computes on the cpu in the place of a GPU is no device for this.
 */
export async function chooseDevice(
  needs: Needs = {},
  ask: (device: Device) => Promise<Probe> = probeOnce,
  order: readonly Device[] = preference,
): Promise<Choice> {
  const probes: Probe[] = [];
  const reasons: string[] = [];
  for (const device of order) {
    if (device === 'cpu') break;
    const found = await ask(device);
    probes.push(found);
    const reason = reasonAgainst(found, needs);
    if (reason === undefined) return { device, why: `${device} works`, probes };
    reasons.push(`${device} ${reason}`);
  }
  return { device: 'cpu', why: reasons.join('; ') || 'nothing else is asked for', probes };
}

function reasonAgainst({ device, works, cause, software, half }: Probe, { precision }: Needs): string | undefined {
  if (!works) return `does not work: ${cause}`;
  if (software !== undefined) return `has no GPU: ${software} computes on the cpu`;
  if (device !== 'webgpu') return undefined;
  if (precision === 'bf16' || precision === 'tf32') return `has no ${precision}`;
  return precision === 'fp16' && !half ? 'has an adapter without float16' : undefined;
}

const known = new Map<Probed, Promise<Probe>>();

/**
 * Whether a device works, found out once a process. Where the library of a provider is not beside ONNX Runtime's, that is
 * known without a process of its own.
 */
export function probeOnce(device: Probed): Promise<Probe> {
  const found = known.get(device) ?? (lacksLibrary(device) ? Promise.resolve(without(device)) : probe(device));
  known.set(device, found);
  return found;
}

/** ONNX Runtime takes CUDA's provider from its own folder alone. */
function lacksLibrary(device: Probed): boolean {
  if (!device.startsWith('cuda') || process.platform !== 'linux') return false;
  return !existsSync(path.join(runtimeFolder(), 'libonnxruntime_providers_cuda.so'));
}

const without = (device: Probed): Probe => ({
  device,
  works: false,
  cause: "the provider's library is missing; get it with doctor --install-cuda",
  milliseconds: 0,
});
