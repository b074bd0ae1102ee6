import { axisOf, type GraphBuilder, type Node, type Value } from '@neuroprune/onnx';
import { countAlong, expandLike } from '../like.js';
import type { RuleContext, RuleTable } from '../rule.js';
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
function parts({ op, builder, node, attrs, x: [narrow] }: Normalization) {
  const axis = axisOf(attrs.axis ?? -1, narrow.rank);
  const [mean, inverse] = statistics(builder, node, narrow, axis);
  const axes = builder.ints(...Array.from({ length: narrow.rank - axis }, (_, i) => axis + i));
  const x = likeElements(op, narrow, mean);
  const count = countAlong(
    builder,
    x,
    Array.from({ length: narrow.rank - axis }, (_, i) => axis + i),
  );
  const average = (v: Value) => op.ReduceMean(v, axes, { keepdims: 1 });
  return { x, average, count, inverse, standard: op.Mul(op.Sub(x, mean), inverse) };
}

/** Gradient of x through y: (ĝ - mean ĝ - x̂·mean(ĝ·x̂))/σ with ĝ = g·scale, x̂ = (x - μ)/σ. */
function throughResult(c: Normalization, { average, standard, inverse, x }: ReturnType<typeof parts>, g: Value): Value {
  const { op } = c;
  const scaled = likeElements(op, op.Mul(g, c.x[1]), x); // ĝ
  const along = op.Mul(standard, average(op.Mul(scaled, standard)));
  return op.Mul(op.Sub(op.Sub(scaled, average(scaled)), along), inverse);
}

/** Gradients of x through the statistics: dμ/dx = 1/n, d(1/σ)/dx = -x̂/(n·σ²). */
function throughStatistics(
  c: Normalization,
  { count, standard, inverse, x }: ReturnType<typeof parts>,
  [mean, deviation]: readonly (Value | undefined)[],
): Value[] {
  const { op, builder } = c;
  return [
    ...(mean ? [expandLike(builder, op.Div(mean, count), x)] : []),
    ...(deviation ? [op.Mul(standard, op.Div(op.Mul(deviation, op.Mul(inverse, inverse)), op.Neg(count)))] : []),
  ];
}

/** Operators that normalize along axes. */
export const normalization: RuleTable<'LayerNormalization' | 'LogSoftmax' | 'Softmax'> = {
  LayerNormalization: (c) => {
    const {
      op,
      x: [x, scale, bias],
      g: [g, ...statistics],
    } = c;
    const made = parts(c);
    const given = [...(g ? [throughResult(c, made, g)] : []), ...throughStatistics(c, made, statistics)];
    const dx = likeElements(
      op,
      given.reduce((a, b) => op.Add(a, b)),
      x,
    );
    return [dx, g ? op.Mul(g, likeElements(op, made.standard, scale)) : null, g && bias ? g : null];
  },
  LogSoftmax: ({ op, builder, y, g, attrs: { axis = -1 } }) => [
    op.Sub(g, op.Mul(op.Exp(y), op.ReduceSum(g, builder.ints(axis), { keepdims: 1 }))), // g - softmax·Σ g
  ],
  Softmax: ({ op, builder, y, g, attrs: { axis = -1 } }) => [
    op.Mul(y, op.Sub(g, op.ReduceSum(op.Mul(g, y), builder.ints(axis), { keepdims: 1 }))), // y·(g - Σ g·y)
  ],
};
