import type { DType } from '../dtype.js';
import { dtypeOfCode } from '../dtype.js';
import type { Node } from '../model.js';
import { constantInfo } from './constant.js';
import { type InferRule, intsAttribute, numberAttribute, shapeAt } from './rule.js';

/** The type an attribute names by its code; the first operand's (or float32) when it is absent. */
function dtypeOf(node: Node, fallback: DType | undefined): DType | undefined {
  return node.attributes.dtype ? dtypeOfCode(numberAttribute(node, 'dtype', 1)) : fallback;
}

const like: InferRule = (node) => [{ dtype: dtypeOf(node, node.inputs[0]?.dtype), shape: shapeAt(node, 0) }];

const random: InferRule = (node) => [{ dtype: dtypeOf(node, 'float32'), shape: intsAttribute(node, 'shape') }];

const Multinomial: InferRule = (node) => {
  const x = shapeAt(node, 0);
  return [{ dtype: dtypeOf(node, 'int32'), shape: x && [x[0] ?? null, numberAttribute(node, 'sample_size', 1)] }];
};

const Constant: InferRule = (node) => [constantInfo(node)];

/** Shape rules of constants and random numbers. */
export const generation = {
  Bernoulli: like,
  Constant,
  EyeLike: like,
  Multinomial,
  RandomNormal: random,
  RandomNormalLike: like,
  RandomUniform: random,
  RandomUniformLike: like,
} as const satisfies Record<string, InferRule>;
