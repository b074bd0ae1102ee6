import { type Choice, chooseDevice, type Device, type Needs, type Probe, probeOnce } from '@neuroprune/runtime';
import type { RunContext } from '../context.js';
import { NeuropruneError } from '../error.js';
import { isOfCuda, misplaced } from '../schema/precision.js';

/** What is known before a device is settled on. */
export interface DeviceRequest {
  /** As the caller asked. */
  readonly asked: Device | 'auto';
  /** The device of the run that is gone on with. */
  readonly stored?: Device | undefined;
  /** Type of products in training, where there is any. */
  readonly precision?: string | undefined;
}

/** How devices are tried. */
export interface Probes {
  readonly choose: (needs: Needs) => Promise<Choice>;
  readonly ask: (device: Device) => Promise<Probe>;
}

/**
 * The device that a verb runs on: the one asked for, or that of the run that goes on, or the best that works. Tells which
 * and why where nobody named it. Throws an input error where the device does not work or cannot do what is asked.
 */
export async function settleDevice(
  { asked, stored, precision }: DeviceRequest,
  { onEvent }: Pick<RunContext, 'onEvent'>,
  { choose, ask }: Probes = { choose: chooseDevice, ask: probeOnce },
): Promise<Device> {
  const named = asked === 'auto' ? stored : asked;
  if (named !== undefined) {
    await mustWork(named, named === stored, ask);
    if (asked === 'auto') onEvent({ type: 'device', device: named, why: 'the run began on it' });
    return checked(named, precision);
  }
  const { device, why } = await choose({ precision });
  onEvent({ type: 'device', device, why });
  return checked(device, precision);
}

/** The cpu always works. */
async function mustWork(device: Device, resumed: boolean, ask: Probes['ask']): Promise<void> {
  if (device === 'cpu') return;
  const { works, cause } = await ask(device);
  if (works) return;
  const [expected, advice] = resumed
    ? [`--resume: expected ${device}, on which the run began`, 'go on with another --device, such as cpu']
    : [`--device: expected ${device} to work`, 'use --device auto'];
  throw new NeuropruneError('input', `${expected}, got: ${cause}; see neuroprune doctor, or ${advice}`);
}

function checked(device: Device, precision: string | undefined): Device {
  if (device.startsWith('cuda') || !isOfCuda(precision)) return device;
  throw new NeuropruneError('input', `precision: ${misplaced(precision, device)}`);
}
