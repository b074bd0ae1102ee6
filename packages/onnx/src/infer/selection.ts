import { axisOf, product } from '../shape.js';
import { same } from './elementwise.js';
import { type InferRule, numberAttribute, shapeAt } from './rule.js';

const Compress: InferRule = (node) => {
  const x = shapeAt(node, 0);
  const dtype = node.inputs[0]?.dtype;
  if (!node.attributes.axis) return [{ dtype, shape: [null] }];
  const axis = x && axisOf(numberAttribute(node, 'axis', 0), x.length);
  return [{ dtype, shape: x?.map((d, i) => (i === axis ? null : d)) }];
};

const NonZero: InferRule = (node) => [{ dtype: 'int64', shape: [shapeAt(node, 0)?.length ?? null, null] }];

const Size: InferRule = (node) => {
  const x = shapeAt(node, 0);
  return [{ dtype: 'int64', shape: [], elements: x && [product(x)] }];
};

const Unique: InferRule = (node) => {
  const x = shapeAt(node, 0);
  const dtype = node.inputs[0]?.dtype;
  const unknown = { dtype: 'int64', shape: [null] } as const;
  const axis = node.attributes.axis && x ? axisOf(numberAttribute(node, 'axis', 0), x.length) : undefined;
  const whole = node.attributes.axis ? (axis === undefined ? null : (x?.[axis] ?? null)) : x ? product(x) : null;
  const shape = node.attributes.axis ? x?.map((d, i) => (i === axis ? null : d)) : [null];
  return [{ dtype, shape }, unknown, { dtype: 'int64', shape: [whole] }, unknown];
};

/** Shape rules of operators that pick elements by their values, and write into places. */
export const selection = {
  Compress,
  NonZero,
  ReverseSequence: same,
  Scatter: same,
  Size,
  TensorScatter: same,
  Unique,
} as const satisfies Record<string, InferRule>;
