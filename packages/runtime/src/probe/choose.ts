import type { Device, Provider } from '../device.js';
import { type Probe, probe } from './probe.js';

/** What `auto` came to. */
export interface Choice {
  readonly device: Device;
  /** In words, for whoever asked. */
  readonly why: string;
  readonly probes: readonly Probe[];
}

/** Fastest first. */
const preference = ['cuda', 'cpu'] as const satisfies readonly Provider[];

/** The fastest device that works here: each one faster is tried, and said why not. */
export async function chooseDevice(ask: (device: Device) => Promise<Probe> = probe): Promise<Choice> {
  const probes: Probe[] = [];
  for (const device of preference) {
    if (device === 'cpu') break;
    const found = await ask(device);
    probes.push(found);
    if (found.works) return { device, why: `${device} works`, probes };
  }
  const reasons = probes.map(({ device, cause }) => `${device} does not work: ${cause}`);
  return { device: 'cpu', why: reasons.join('; '), probes };
}
