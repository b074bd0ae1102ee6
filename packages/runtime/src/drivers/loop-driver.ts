import { withEvent, withEventScalars } from '../event.js';
import { loopOf, outerName } from '../loop.js';
import { stageSteps } from '../staging.js';
import type { Driver } from './driver.js';

/**
 * All steps of a chunk in one run, events between them included. Inside it the state is carried from step to step where they run: in place on cpu, on the
 * GPU on cuda, whose state could not stay there between runs, for the Node binding binds no buffers of that provider.
 */
export const loop: Driver = {
  modelsOf: (step, event) => ({ steps: loopOf(event ? withEvent(step, event) : step) }),
  nameOf: outerName,
  resident: false,
  stage: (signature, batches, scalars, event) => [
    { inputs: [...stageSteps(event ? withEventScalars(signature, event) : signature, batches, scalars)] },
  ],
};
