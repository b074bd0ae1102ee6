import { arithmetic as broadcasting, same } from './elementwise.js';
import { elementsOf, type InferRule, shapeAt } from './rule.js';

const CastLike: InferRule = (node) => [
  { dtype: node.inputs[1]?.dtype, shape: shapeAt(node, 0), elements: elementsOf(node.inputs[0]) },
];

const Det: InferRule = (node) => [{ dtype: node.inputs[0]?.dtype, shape: shapeAt(node, 0)?.slice(0, -2) }];

const IsInf: InferRule = (node) => [{ dtype: 'bool', shape: shapeAt(node, 0) }];

/** Shape rules of trigonometric and hyperbolic functions, of bits, and of sums of many. */
export const arithmetic = {
  Acos: same,
  Acosh: same,
  Asin: same,
  Asinh: same,
  Atan: same,
  Atanh: same,
  BitShift: broadcasting,
  BitwiseAnd: broadcasting,
  BitwiseNot: same,
  BitwiseOr: broadcasting,
  BitwiseXor: broadcasting,
  CastLike,
  Cosh: same,
  Det,
  IsInf,
  Mean: broadcasting,
  Sinh: same,
  Sum: broadcasting,
  Tan: same,
} as const satisfies Record<string, InferRule>;
