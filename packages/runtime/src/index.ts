export { type Batch, lengthAlong, tokensIn } from './batch.js';
export { type Installed, type InstallOptions, installCuda } from './cuda/install.js';
export type { NeededLibrary } from './cuda/libraries.js';
export { runtimeFolder } from './cuda/runtime-folder.js';
export {
  type Device,
  isDevice,
  type Provider,
  providerName,
  providers,
  type ResolvedSession,
  resolveSession,
  type SessionOptions,
  stackLimit,
} from './device.js';
export { RuntimeError } from './errors.js';
export { EVENT } from './event.js';
export { createInference, type Inference } from './inference.js';
export { loopOf } from './loop.js';
export { isOutOfMemory } from './memory.js';
export {
  describeNode,
  isShapeArithmetic,
  type PlacedNode,
  type PlacedTensor,
  placedNodes,
  strayNodes,
} from './placement.js';
export { type Choice, chooseDevice, type Needs, probeOnce } from './probe/choose.js';
export { type Probe, type Probed, probe } from './probe/probe.js';
export { batchInput, inputTensor, type ScalarVectors } from './staging.js';
export { createTraining, type Staged, type Training, type TrainingOptions } from './training.js';
export type { StateChange, StateWork } from './worker-protocol.js';
