import { readEquation } from '../einsum.js';
import { OnnxError } from '../errors.js';
import type { Node } from '../model.js';
import { broadcast, type Dim, type Shape, showShape } from '../shape.js';
import { type InferRule, numberAttribute, shapeAt } from './rule.js';

function checkInner(op: string, a: Dim | undefined, b: Dim | undefined, shapes: string): void {
  if (typeof a === 'number' && typeof b === 'number' && a !== b) {
    throw new OnnxError(`${op}: inner dimensions differ, ${shapes}`);
  }
}

/** Shape of a matrix product, batched and broadcast; throws when the inner dimensions differ. */
export function matMulShape(op: string, a: Shape | undefined, b: Shape | undefined): Shape | undefined {
  if (!a || !b) return undefined;
  checkInner(op, a.at(-1), b.length > 1 ? b.at(-2) : b.at(-1), `${showShape(a)} x ${showShape(b)}`);
  const rows = a.length > 1 ? [a.at(-2) ?? null] : [];
  const columns = b.length > 1 ? [b.at(-1) ?? null] : [];
  return [...broadcast(a.slice(0, -2), b.slice(0, -2)), ...rows, ...columns];
}

const MatMul: InferRule = (node) => [
  { dtype: node.inputs[0]?.dtype, shape: matMulShape('MatMul', shapeAt(node, 0), shapeAt(node, 1)) },
];

const Gemm: InferRule = (node) => {
  const [a, b] = [shapeAt(node, 0), shapeAt(node, 1)];
  const dtype = node.inputs[0]?.dtype;
  if (!a || !b) return [{ dtype, shape: undefined }];
  const transA = numberAttribute(node, 'transA', 0);
  const transB = numberAttribute(node, 'transB', 0);
  checkInner('Gemm', a[transA ? 0 : 1], b[transB ? 1 : 0], `${showShape(a)} x ${showShape(b)}`);
  return [{ dtype, shape: [a[transA ? 1 : 0] ?? null, b[transB ? 0 : 1] ?? null] }];
};

const LayerNormalization: InferRule = (node) => {
  const x = shapeAt(node, 0);
  const dtype = node.inputs[0]?.dtype;
  const wide = dtype === 'float16' || dtype === 'bfloat16' ? 'float32' : dtype; // stash_type
  const axis = numberAttribute(node, 'axis', -1);
  const from = axis < 0 && x ? axis + x.length : axis;
  const stats = x?.map((d, i) => (i >= from ? 1 : d));
  return [
    { dtype, shape: x },
    { dtype: wide, shape: stats },
    { dtype: wide, shape: stats },
  ];
};

const Einsum: InferRule = (node) => {
  const dtype = node.inputs[0]?.dtype;
  const { equation } = node.attributes;
  const shapes = node.inputs.map((v) => v?.shape);
  if (equation?.type !== 'string' || !shapes.every((s) => s !== undefined)) return [{ dtype, shape: undefined }];
  const { operands, result } = readEquation(
    equation.value,
    shapes.map((s) => s.length),
  );
  const dims = new Map<string, Dim>();
  operands.forEach((term, i) => {
    [...term].forEach((c, j) => void dims.set(c, broadcast([dims.get(c) ?? 1], [shapes[i]?.[j] ?? null])[0] ?? null));
  });
  return [{ dtype, shape: [...result].map((c) => dims.get(c) ?? null) }];
};

const lossShape = (node: Node) =>
  node.attributes.reduction?.type === 'string' && node.attributes.reduction.value === 'none' ? shapeAt(node, 1) : [];

const NegativeLogLikelihoodLoss: InferRule = (node) => [{ dtype: node.inputs[0]?.dtype, shape: lossShape(node) }];

const SoftmaxCrossEntropyLoss: InferRule = (node) => [
  { dtype: node.inputs[0]?.dtype, shape: lossShape(node) },
  { dtype: node.inputs[0]?.dtype, shape: shapeAt(node, 0) },
];

/** Shape rules of products, normalization and losses. */
export const linalg = {
  Einsum,
  Gemm,
  LayerNormalization,
  MatMul,
  NegativeLogLikelihoodLoss,
  SoftmaxCrossEntropyLoss,
} as const satisfies Record<string, InferRule>;
