import {
  cloneModel,
  eliminateCommonSubexpressions,
  eliminateDeadCode,
  eliminateDropout,
  eliminateIdentity,
  foldConstants,
  type Model,
  runPasses,
  sortNodes,
} from '@neuroprune/onnx';

const passes = [
  eliminateDropout,
  eliminateIdentity,
  foldConstants,
  eliminateCommonSubexpressions,
  eliminateDeadCode,
  sortNodes,
];

/** A copy of a forward graph for inference: without `Dropout` and with nothing computed twice or for nobody. */
export const inferenceGraph = (model: Model): Model => runPasses(cloneModel(model), passes).model;
