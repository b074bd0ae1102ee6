import type { Node } from '../model.js';
import { axisOf, type Shape } from '../shape.js';
import { foldedElements } from './propagate.js';
import { axesOf, elementsOf, type InferRule, numberAttribute, shapeAt } from './rule.js';

function reduced(shape: Shape, axes: readonly number[], keep: boolean): Shape {
  const at = new Set(axes.map((a) => axisOf(a, shape.length)));
  return keep ? shape.map((d, i) => (at.has(i) ? 1 : d)) : shape.filter((_, i) => !at.has(i));
}

/** With axes that only the run knows, their number may say the rank. */
function unknownReduced(node: Node, shape: Shape, keep: boolean): Shape | undefined {
  if (keep) return shape.map(() => null);
  const count = shapeAt(node, 1)?.[0];
  return typeof count === 'number' && count > 0 ? shape.slice(count).map(() => null) : undefined;
}

function reducedShape(node: Node): Shape | undefined {
  const shape = shapeAt(node, 0);
  if (!shape) return undefined;
  const keep = numberAttribute(node, 'keepdims', 1) === 1;
  const axes = axesOf(node, 1) ?? (node.inputs[1] ? undefined : []);
  if (!axes) return unknownReduced(node, shape, keep);
  if (axes.length === 0 && numberAttribute(node, 'noop_with_empty_axes', 0) === 1) return shape;
  return reduced(shape, axes.length > 0 ? axes : shape.map((_, i) => i), keep);
}

const reduce: InferRule = (node) => {
  const shape = reducedShape(node);
  return [
    { dtype: node.inputs[0]?.dtype, shape, elements: shape?.every((d) => d === 1) ? foldedElements(node) : undefined },
  ];
};

const arg: InferRule = (node) => {
  const shape = shapeAt(node, 0);
  const keep = numberAttribute(node, 'keepdims', 1) === 1;
  return [{ dtype: 'int64', shape: shape && reduced(shape, [numberAttribute(node, 'axis', 0)], keep) }];
};

const TopK: InferRule = (node) => {
  const shape = shapeAt(node, 0);
  const k = node.inputs[1] ? (elementsOf(node.inputs[1])?.[0] ?? null) : numberAttribute(node, 'k', 1);
  const axis = shape && axisOf(numberAttribute(node, 'axis', -1), shape.length);
  const dims = shape?.map((d, i) => (i === axis ? k : d));
  return [
    { dtype: node.inputs[0]?.dtype, shape: dims },
    { dtype: 'int64', shape: dims },
  ];
};

/** Shape rules of reductions. */
export const reduction = {
  ArgMax: arg,
  ArgMin: arg,
  ReduceL1: reduce,
  ReduceL2: reduce,
  ReduceLogSum: reduce,
  ReduceLogSumExp: reduce,
  ReduceMax: reduce,
  ReduceMean: reduce,
  ReduceMin: reduce,
  ReduceProd: reduce,
  ReduceSum: reduce,
  ReduceSumSquare: reduce,
  TopK,
} as const satisfies Record<string, InferRule>;
