import { stageEach } from '../staging.js';
import type { Driver } from './driver.js';
import { checkHalf } from './half.js';
import { narrowed } from './narrow.js';
import { respelled } from './respell.js';

/** A run a step, for control flow comes back to the host on webgpu; the state stays in buffers of the device. */
export const resident: Driver = {
  check: checkHalf,
  modelOf: (step) => narrowed(respelled(step)),
  nameOf: (name) => name,
  resident: true,
  stage: stageEach,
};
