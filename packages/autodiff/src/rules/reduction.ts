import { axisOf, type GraphBuilder, integersOf, type Value } from '@neuroprune/onnx';
import { AutodiffError, nameOf } from '../errors.js';
import { countAlong, expandLike } from '../like.js';
import type { RuleContext, RuleTable } from '../rule.js';
import { indicator } from './selection.js';

type Reduction =
  | 'ReduceL1'
  | 'ReduceL2'
  | 'ReduceLogSum'
  | 'ReduceLogSumExp'
  | 'ReduceMax'
  | 'ReduceMean'
  | 'ReduceMin'
  | 'ReduceProd'
  | 'ReduceSum'
  | 'ReduceSumSquare';

/** The reduced axes, counted from the front. */
function axesOf({ x: [data, axes], attrs, node }: Pick<RuleContext<Reduction>, 'x' | 'attrs' | 'node'>): number[] {
  const listed = axes ? integersOf(axes) : [];
  if (!listed) throw new AutodiffError(`${node.opType} '${nameOf(node)}': expected constant axes, got computed ones`);
  if (listed.length > 0) return listed.map((a) => axisOf(a, data.rank));
  return attrs.noop_with_empty_axes === 1 ? [] : Array.from({ length: data.rank }, (_, i) => i);
}

/** A reduction's result or gradient with its reduced axes back as axes of length 1. */
function kept(builder: GraphBuilder, value: Value, axes: readonly number[], keepdims: number | undefined): Value {
  return keepdims === 0 && axes.length > 0 ? builder.op.Unsqueeze(value, builder.ints(...axes)) : value;
}

/** Gradient of a reduction that picks an element: shared equally among those that attain it. */
function picked(c: RuleContext<'ReduceMax' | 'ReduceMin'>): readonly [Value, null] {
  const { builder, op, x, y, g, attrs } = c;
  const axes = axesOf(c);
  const hit = indicator(op, op.Equal(x[0], kept(builder, y, axes, attrs.keepdims)), y);
  const ties = op.ReduceSum(hit, builder.ints(...axes), { noop_with_empty_axes: 1 });
  return [op.Mul(hit, op.Div(kept(builder, g, axes, attrs.keepdims), ties)), null];
}

/** A reduction's gradient, and its result, with the reduced axes as axes of length 1. */
function whole(c: Pick<RuleContext<Reduction>, 'builder' | 'x' | 'y' | 'g' | 'attrs' | 'node'>) {
  const axes = axesOf(c);
  return { g: kept(c.builder, c.g, axes, c.attrs.keepdims), y: kept(c.builder, c.y, axes, c.attrs.keepdims) };
}

/** Reductions over axes. */
export const reduction: RuleTable<Reduction> = {
  ReduceL1: (c) => [c.op.Mul(whole(c).g, c.op.Sign(c.x[0])), null],
  ReduceL2: (c) => {
    const { op, x } = c;
    const { g, y } = whole(c);
    return [op.Mul(op.Div(g, op.Where(op.Equal(y, 0), 1, y)), x[0]), null]; // x/‖x‖, and 0 at 0, where there is a kink
  },
  // y = log Σ x, so that dy/dx = 1/Σ x = e^-y.
  ReduceLogSum: (c) => [expandLike(c.builder, c.op.Div(whole(c).g, c.op.Exp(whole(c).y)), c.x[0]), null],
  ReduceLogSumExp: (c) => [c.op.Mul(whole(c).g, c.op.Exp(c.op.Sub(c.x[0], whole(c).y))), null],
  ReduceMax: picked,
  ReduceMin: picked,
  ReduceMean: (c) => {
    const { builder, op, x, g, attrs } = c;
    const axes = axesOf(c);
    const share = op.Div(kept(builder, g, axes, attrs.keepdims), countAlong(builder, x[0], axes));
    return [expandLike(builder, share, x[0]), null];
  },
  ReduceProd: (c) => {
    // Product of the others: y/x, but through the product of the nonzero ones where exactly one element is 0.
    const { builder, op, x, g, attrs } = c;
    const axes = axesOf(c);
    const over = builder.ints(...axes);
    const isZero = op.Equal(x[0], 0);
    const nonzero = op.Where(isZero, 1, x[0]);
    const product = op.ReduceProd(nonzero, over, { noop_with_empty_axes: 1 });
    const zero = indicator(op, isZero, x[0]);
    const otherZeros = op.Sub(op.ReduceSum(zero, over, { noop_with_empty_axes: 1 }), zero);
    const others = op.Where(op.Greater(otherZeros, 0), 0, op.Div(product, nonzero));
    return [op.Mul(kept(builder, g, axes, attrs.keepdims), others), null];
  },
  ReduceSum: (c) => [expandLike(c.builder, kept(c.builder, c.g, axesOf(c), c.attrs.keepdims), c.x[0]), null],
  ReduceSumSquare: (c) => [c.op.Mul(whole(c).g, c.op.Mul(c.x[0], 2)), null],
};
