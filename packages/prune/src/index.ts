export { checkpointSteps } from './checkpoint/folder.js';
export { type Compacted, type CompactRequest, compact } from './compact/compact.js';
export { inferenceGraph } from './compact/inference-graph.js';
export type { Survivors } from './compact/survivors.js';
export { cutBelow, cutSmallest } from './cut.js';
export {
  type Axis,
  clampDegrees,
  degrees,
  EPSILON,
  expansionDegrees,
  jointDegrees,
  type OutGrouping,
} from './degree.js';
export { PruneError } from './errors.js';
export {
  type AttentionLayer,
  attentionOf,
  type HeadWeights,
  liveHeads,
  type Numbers,
} from './heads/attention-layer.js';
export { dominatingHeads, representatives } from './heads/dominating.js';
export { applyHeadPlan, type Elimination, eliminateHeads, type HeadRemoval } from './heads/eliminate.js';
export { foldHead, removeHead } from './heads/fold.js';
export { type HeadFate, type HeadPlan, type HeadTarget, headShares, planHeads } from './heads/plan.js';
export { headDistances, similarHeads } from './heads/similarity.js';
export {
  countWeights,
  countZeros,
  type Kind,
  kinds,
  type LayerBiases,
  type Matrix,
  matricesOf,
  type NeuronMatrices,
  type PrunableLayer,
} from './layer.js';
export {
  type DenseMethod,
  type GradualMethod,
  type Method,
  type SubgradientMethod,
  THETA,
  type ThresholdMethod,
} from './method.js';
export { attentionPenalty, attentionThresholds, inputSums } from './penalty/attention.js';
export { neuronPenalty, type Penalty, softThreshold, weightedL1 } from './penalty/neurons.js';
export type { TokenBatch } from './prove/batch-file.js';
export { type Forward, openGraph, openPublished } from './prove/published.js';
export { type Proof, type ProofRequest, prove } from './prove.js';
export { type Block, blocksOf, prunableLayers, prunableNames, storeLayers, type Weights } from './prunable-layer.js';
export {
  headEvents,
  headsAt,
  maskEvents,
  type Ramp,
  rampBounds,
  rampDefaults,
  rampProgress,
  sparsityAt,
} from './ramp.js';
export { type ScoreOptions, scores } from './score.js';
export {
  type DegreeDistribution,
  distribution,
  type HeadState,
  type LayerStructure,
  liveUnits,
  structureOf,
} from './structure.js';
export { neuroPruneTerms, type TermOptions } from './terms/terms.js';
export { MOST_SKIPS } from './train/guard.js';
export { hiddenStates } from './train/hidden-states.js';
export { type TryOptions, timeBatches, tryBatch } from './train/measure.js';
export type {
  BatchList,
  CheckpointEvent,
  CheckpointOptions,
  EarlyStopEvent,
  LossScaleEvent,
  ResumeEvent,
  ScoreEvent,
  SkipEvent,
  TrainContext,
  TrainEvent,
  TrainPoint,
  TrainRequest,
  TrainResult,
  TrainRunEvent,
  WarningEvent,
  WatchOptions,
} from './train/request.js';
export { type Course, learningRate, type Schedule } from './train/schedule.js';
export { train } from './train/train.js';
export { cutByKind, trim, zerosFor } from './trim.js';
