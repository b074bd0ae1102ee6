import { stageEach } from '../staging.js';
import { bothBranches } from './both-branches.js';
import type { Driver } from './driver.js';
import { checkHalf } from './half.js';
import { narrowed } from './narrow.js';
import { plainProducts } from './plain-products.js';
import { respelled } from './respell.js';
import { rowSums, type SummedTypes } from './row-sums.js';
import { narrowSplits } from './wide-split.js';

const sums: SummedTypes = { over: ['float16'], along: [] };

/**
 * A run a step and one an event, for control flow comes back to the host on webgpu; the state stays in buffers of the device,
 * which both read and replace.
 */
export const resident: Driver = {
  check: checkHalf,
  modelsOf: (step, event) => ({
    steps: narrowed(narrowSplits(plainProducts(rowSums(respelled(bothBranches(step)), sums)))),
    ...(event && { event: narrowSplits(respelled(event)) }),
  }),
  nameOf: (name) => name,
  resident: true,
  stage: stageEach,
};
