import { same } from './elementwise.js';
import { type InferRule, numberAttribute, shapeAt, type TypeInfo } from './rule.js';

/** In training, the running mean and variance follow; before operator set 14 those of the batch too. */
const BatchNormalization: InferRule = (node, opset) => {
  const count =
    numberAttribute(node, 'training_mode', 0) === 1 ? Math.max(3, node.outputs.length) : node.outputs.length;
  const statistic: TypeInfo = { dtype: node.inputs[3]?.dtype, shape: shapeAt(node, 3) };
  return [...same(node, opset), ...Array.from({ length: Math.max(0, count - 1) }, () => statistic)];
};

/** Shape rules of normalizations of channels and of whole tensors. */
export const normalization = {
  BatchNormalization,
  GroupNormalization: same,
  InstanceNormalization: same,
  LRN: same,
  LpNormalization: same,
  MeanVarianceNormalization: same,
} as const satisfies Record<string, InferRule>;
