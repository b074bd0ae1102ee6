import { existsSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Device, probe } from '@neuroprune/runtime';

/** A device of the suites, and why it is left out where it is. */
export interface Found {
  readonly device: Device;
  readonly absent?: string;
}

const driver = path.resolve(fileURLToPath(import.meta.url), '../../../../.cache/swiftshader');

/**
 * Names a driver that computes on the CPU where tools/swiftshader put one. The loader of libraries reads its path where a
 * process starts: what is set here takes effect in the processes of sessions, and nowhere else.
 */
function nameDriver(): void {
  const manifest = path.join(driver, 'vk_swiftshader_icd.json');
  if (!existsSync(manifest) || process.env.VK_DRIVER_FILES !== undefined) return;
  process.env.VK_DRIVER_FILES = manifest;
  process.env.LD_LIBRARY_PATH = [driver, process.env.LD_LIBRARY_PATH].filter(Boolean).join(path.delimiter);
}

async function find(device: Device): Promise<Found> {
  const { works, cause } = await probe(device);
  return works ? { device } : { device, absent: cause ?? 'it does not work' };
}

nameDriver();

/** The devices that every driver is tested on; those that are absent say why. */
export const devices: readonly Found[] = [{ device: 'cpu' }, await find('webgpu'), await find('cuda')];

/** The device's name for a suite, with the reason where it is skipped. */
export const titleOf = ({ device, absent }: Found): string =>
  absent === undefined ? device : `${device} (skipped: ${absent})`;
