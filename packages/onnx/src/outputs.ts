import type { Node } from './model.js';

/** Operators with optional results, and the index of the first one (https://onnx.ai/onnx/operators). */
const firstOptional: { readonly [opType: string]: number } = {
  Dropout: 1,
  LayerNormalization: 1,
  SoftmaxCrossEntropyLoss: 1,
};

/** From which output on a node's results may be left out; the number of outputs when all are needed. */
export const optionalOutputs = (node: Node): number =>
  (node.domain === '' && Object.hasOwn(firstOptional, node.opType) ? firstOptional[node.opType] : undefined) ??
  node.outputs.length;
