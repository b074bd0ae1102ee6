export type { Batch } from './batch.js';
export {
  type Device,
  isDevice,
  type Provider,
  providers,
  type ResolvedSession,
  resolveSession,
  type SessionOptions,
} from './device.js';
export { RuntimeError } from './errors.js';
export { createInference, type Inference } from './inference.js';
export { loopOf } from './loop.js';
export { batchInput, inputTensor, type ScalarVectors } from './staging.js';
export { createTraining, type Training } from './training.js';
