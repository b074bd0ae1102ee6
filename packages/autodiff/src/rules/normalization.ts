import { axisOf, type GraphBuilder, type Node, Value } from '@neuroprune/onnx';
import type { RuleContext, RuleTable } from '../rule.js';

/** The node's Mean and InvStdDev outputs, added where the node leaves them out. */
function statistics(builder: GraphBuilder, node: Node, x: Value, axis: number): [Value, Value] {
  const shape = x.shape?.map((d, i) => (i < axis ? d : 1));
  while (node.outputs.length < 3) {
    const added = new Value(builder.fresh('LayerNormalization'), x.dtype, shape);
    added.producer = node;
    node.outputs.push(added);
  }
  return node.outputs.slice(1, 3) as [Value, Value];
}

/** dx = (ĝ - mean ĝ - x̂·mean(ĝ·x̂))/σ with ĝ = g·scale, x̂ = (x - μ)/σ; dscale = g·x̂, dbias = g. */
function layerNormalization(c: RuleContext<'LayerNormalization'>, g: Value): readonly [Value, Value, Value | null] {
  const { op, builder, node, attrs } = c;
  const [x, scale, bias] = c.x;
  const axis = axisOf(attrs.axis ?? -1, x.rank);
  const [mean, inverse] = statistics(builder, node, x, axis);
  const axes = builder.ints(...Array.from({ length: x.rank - axis }, (_, i) => axis + i));
  const average = (v: Value) => op.ReduceMean(v, axes, { keepdims: 1 });
  const standard = op.Mul(op.Sub(x, mean), inverse); // x̂
  const scaled = op.Mul(g, scale); // ĝ
  const along = op.Mul(standard, average(op.Mul(scaled, standard)));
  const dx = op.Mul(op.Sub(op.Sub(scaled, average(scaled)), along), inverse);
  return [dx, op.Mul(g, standard), bias ? g : null];
}

/** Operators that normalize along axes. */
export const normalization: RuleTable<'LayerNormalization' | 'LogSoftmax' | 'Softmax'> = {
  LayerNormalization: (c) => {
    const [g, ...others] = c.g;
    if (!g || others.some((o) => o)) throw new Error('internal: the loss uses the statistics of a LayerNormalization');
    return layerNormalization(c, g);
  },
  LogSoftmax: ({ op, builder, y, g, attrs: { axis = -1 } }) => [
    op.Sub(g, op.Mul(op.Exp(y), op.ReduceSum(g, builder.ints(axis), { keepdims: 1 }))), // g - softmax·Σ g
  ],
  Softmax: ({ op, builder, y, g, attrs: { axis = -1 } }) => [
    op.Mul(y, op.Sub(g, op.ReduceSum(op.Mul(g, y), builder.ints(axis), { keepdims: 1 }))), // y·(g - Σ g·y)
  ],
};
