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

/** Fastest first; `webgpu` belongs between the two as soon as training on it is measured to be faster than on the cpu. */
export const preference: readonly Provider[] = ['cuda', 'cpu'];

/**
 * The fastest device that works here: each one faster is tried, and said why not. A driver that computes on the cpu in
 * the place of a GPU is no device for this.
 */
export async function chooseDevice(
  ask: (device: Device) => Promise<Probe> = probeOnce,
  order: readonly Device[] = preference,
): Promise<Choice> {
  const probes: Probe[] = [];
  for (const device of order) {
    if (device === 'cpu') break;
    const found = await ask(device);
    probes.push(found);
    if (found.works && found.software === undefined) return { device, why: `${device} works`, probes };
  }
  const reasons = probes.map(({ device, cause, software }) =>
    software === undefined
      ? `${device} does not work: ${cause}`
      : `${device} has no GPU: ${software} computes on the cpu`,
  );
  return { device: 'cpu', why: reasons.join('; ') || 'nothing else is asked for', probes };
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
