import { loopOf, outerName } from '../loop.js';
import { stageSteps } from '../staging.js';
import type { Driver } from './driver.js';

/**
 * All steps of a chunk in one run. Inside it the state is carried from step to step where they run: in place on cpu, on the
 * GPU on cuda, whose state could not stay there between runs, for the Node binding binds no buffers of that provider.
 */
export const loop: Driver = {
  modelOf: loopOf,
  nameOf: outerName,
  resident: false,
  stage: (signature, batches, scalars) => [{ inputs: [...stageSteps(signature, batches, scalars)] }],
};
