import { axisOf, float32, type GraphBuilder, type Node, type Value } from '@neuroprune/onnx';
import { countAlong, expandLike } from '../like.js';
import type { RuleContext, RuleTable } from '../rule.js';
import { isMatrixTranspose } from './linalg.js';
import { outputOf } from './outputs.js';
import { likeElements } from './selection.js';

/** The node's Mean and InvStdDev outputs, added where the node leaves them out; those of half precision are float32. */
function statistics(builder: GraphBuilder, node: Node, x: Value, axis: number): [Value, Value] {
  const shape = x.shape?.map((d, i) => (i < axis ? d : 1));
  const dtype = x.dtype === 'float16' || x.dtype === 'bfloat16' ? 'float32' : x.dtype;
  return [outputOf(builder, node, 1, { dtype, shape }), outputOf(builder, node, 2, { dtype, shape })];
}

type Normalization = RuleContext<'LayerNormalization'>;

/** What the gradients of a normalization are made of. */
function parts(c: Normalization) {
  const { op, builder, attrs } = c;
  const [narrow] = c.x;
  const axis = axisOf(attrs.axis ?? -1, narrow.rank);
  const axes = Array.from({ length: narrow.rank - axis }, (_, i) => axis + i);
  const average = (v: Value) => op.ReduceMean(v, builder.ints(...axes), { keepdims: 1 });
  return { axes, average, ...(standardizedAgain(c, axis) ?? standardized(c, axis)) };
}

/** x, x̂ = (x - μ)/σ and 1/σ. */
interface Standardized {
  readonly x: Value;
  readonly standard: Value;
  readonly inverse: Value;
}

/** By normalizing again without scale, in one pass, where the extent to normalize along is known; the node itself then need not give its statistics. */
function standardizedAgain({ op, builder, attrs, x: [x] }: Normalization, axis: number): Standardized | undefined {
  const extent = x.shape?.at(-1);
  if (x.dtype !== 'float32' || typeof extent !== 'number' || axis !== x.rank - 1) return undefined;
  const ones = builder.constant(float32(new Float32Array(extent).fill(1), [extent]));
  const [standard, , inverse] = op.LayerNormalization(x, ones, undefined, attrs);
  return { x, standard, inverse };
}

/** From the statistics that the node gives. */
function standardized({ op, builder, node, x: [narrow] }: Normalization, axis: number): Standardized {
  const [mean, inverse] = statistics(builder, node, narrow, axis);
  const x = likeElements(op, narrow, mean);
  return { x, standard: op.Mul(op.Sub(x, mean), inverse), inverse };
}

/**
 * Gradients of x, scale and bias through y, with ĝ = g·scale: (ĝ - mean ĝ - x̂·mean(ĝ·x̂))/σ, and Σ g·x̂ and Σ g over what
 * scale and bias are shared by.
 */
function throughResult(
  c: Normalization,
  { average, standard, inverse, x, axes }: ReturnType<typeof parts>,
  given: Value,
) {
  const { op, builder } = c;
  const [, scale, bias] = c.x;
  const g = likeElements(op, given, x);
  const forScale = op.Mul(g, standard);
  const wide = likeElements(op, scale, x);
  const scaled = op.Mul(g, wide); // ĝ
  const columns = x.shape?.at(-1);
  const isRows = x.rank === 2 && axes.length === 1 && typeof columns === 'number';
  // mean(ĝ·x̂) is a product of the rows of g·x̂, which scale's gradient needs anyway, and scale.
  const along = isRows
    ? op.Gemm(forScale, op.Reshape(wide, builder.ints(columns, 1)), undefined, { alpha: 1 / columns })
    : average(op.Mul(forScale, wide));
  const dx = op.Mul(op.Sub(op.Sub(scaled, average(scaled)), op.Mul(standard, along)), inverse);
  return [dx, likeElements(op, forScale, scale), bias ? given : null] as const;
}

/** Gradients of x through the statistics: dμ/dx = 1/n, d(1/σ)/dx = -x̂/(n·σ²). */
function throughStatistics(
  c: Normalization,
  { axes, standard, inverse, x }: ReturnType<typeof parts>,
  [mean, deviation]: readonly (Value | undefined)[],
): Value[] {
  const { op, builder } = c;
  const count = countAlong(builder, x, axes);
  return [
    ...(mean ? [expandLike(builder, op.Div(mean, count), x)] : []),
    ...(deviation ? [op.Mul(standard, op.Div(op.Mul(deviation, op.Mul(inverse, inverse)), op.Neg(count)))] : []),
  ];
}

/**
 * Two values with the same Σ g·y along rows, of narrower rows in attention: where o = y·v and so g = ∂o·vᵀ, that is ∂o and o (Dao et
 * al. 2022, FlashAttention, appendix B.4), with or without a factor of dropout between softmax and product.
 */
function throughProduct({ graph }: GraphBuilder, y: Value, g: Value): readonly [Value, Value] | undefined {
  const factor = g.producer?.opType === 'Mul' ? g.producer.inputs[1] : undefined;
  const reader = (opType: string, x: Value | undefined, w: Value | undefined) =>
    graph.nodes.find((n) => n.opType === opType && n.inputs[0] === x && n.inputs[1] === w)?.outputs[0];
  const [kept, product] = factor ? [reader('Mul', y, factor), g.producer?.inputs[0]] : [y, g];
  const [gradient, turned] = product?.producer?.opType === 'MatMul' ? product.producer.inputs : [];
  const turn = turned?.producer;
  const perm = turn?.opType === 'Transpose' && turn.attributes.perm?.type === 'ints' ? turn.attributes.perm.value : [];
  const result = kept && isMatrixTranspose(perm) ? reader('MatMul', kept, turn?.inputs[0]) : undefined;
  return gradient && result ? [gradient, result] : undefined;
}

/** Operators that normalize along axes. */
export const normalization: RuleTable<'LayerNormalization' | 'LogSoftmax' | 'Softmax'> = {
  LayerNormalization: (c) => {
    const {
      op,
      x: [x],
      g: [g, ...statistics],
    } = c;
    const made = parts(c);
    const [through, scale, bias] = g ? throughResult(c, made, g) : [null, null, null];
    const given = [...(through ? [through] : []), ...throughStatistics(c, made, statistics)];
    const dx = given.reduce((a, b) => op.Add(a, b));
    return [likeElements(op, dx, x), scale, bias];
  },
  LogSoftmax: ({ op, builder, y, g, attrs: { axis = -1 } }) => [
    op.Sub(g, op.Mul(op.Exp(y), op.ReduceSum(g, builder.ints(axis), { keepdims: 1 }))), // g - softmax·Σ g
  ],
  Softmax: ({ op, builder, y, g, attrs: { axis = -1 } }) => {
    const [a, b] = (axisOf(axis, y.rank) === y.rank - 1 && throughProduct(builder, y, g)) || [g, y];
    return [op.Mul(y, op.Sub(g, op.ReduceSum(op.Mul(a, b), builder.ints(axis), { keepdims: 1 })))]; // y·(g - Σ g·y)
  },
};
