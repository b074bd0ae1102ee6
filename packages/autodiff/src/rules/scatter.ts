import { codeOf, type GraphBuilder, type Value } from '@neuroprune/onnx';
import { AutodiffError, nameOf } from '../errors.js';
import { filledLike, zerosLike } from '../like.js';
import type { RuleContext } from '../rule.js';
import { indicator, likeElements } from './selection.js';

/** The shape of `x` with the length of one axis replaced. */
export function resized({ op }: GraphBuilder, x: Value, axis: number, length: Value): Value {
  const parts = [op.Shape(x, { end: axis }), length, op.Shape(x, { start: axis + 1 })];
  return op.Concat(parts, { axis: 0 });
}

/** `zeros` plus the slices of g at the indices (a vector) along an axis. */
export function addedAt(builder: GraphBuilder, zeros: Value, indices: Value, g: Value, axis: number): Value {
  const { op } = builder;
  const dims = Array.from({ length: g.rank }, (_, i) => (i === axis ? -1 : 1));
  const everywhere = op.Expand(op.Reshape(indices, builder.ints(...dims)), op.Shape(g));
  return elementsAdded(builder, zeros, everywhere, g, axis);
}

/** `data` plus g at indices along an axis. Half precision is added up in float32, where all providers have the kernel. */
export function elementsAdded({ op }: GraphBuilder, data: Value, indices: Value, g: Value, axis: number): Value {
  const wide = (v: Value) =>
    v.dtype === 'float16' || v.dtype === 'bfloat16' ? op.Cast(v, { to: codeOf('float32') }) : v;
  return likeElements(op, op.ScatterElements(wide(data), indices, wide(g), { axis, reduction: 'add' }), g);
}

/** Writing at some positions of a tensor, and reading there. */
interface Places {
  scatter(data: Value, updates: Value, reduction: string): Value;
  gather(data: Value): Value;
}

type Scatter = Pick<RuleContext<'ScatterND'>, 'op' | 'builder' | 'node' | 'x' | 'y' | 'g' | 'attrs'>;
type Gradients = readonly [Value, null, Value];

/** Products: each factor's gradient is the product of the others, through the nonzero ones where there are zeros. */
function productGradients({ op, builder, x: [data, , updates], g }: Scatter, { scatter, gather }: Places): Gradients {
  const isZero = op.Equal(updates, 0);
  const nonzero = op.Where(isZero, 1, updates);
  const zero = indicator(op, isZero, updates);
  const otherZeros = op.Sub(gather(scatter(zerosLike(builder, data), zero, 'add')), zero);
  const others = op.Where(op.Greater(otherZeros, 0), 0, op.Div(gather(scatter(data, nonzero, 'mul')), nonzero));
  return [op.Mul(g, scatter(filledLike(builder, data, 1), updates, 'mul')), null, op.Mul(gather(g), others)];
}

/** Extrema: the gradient goes to what attains them, in equal shares among ties. */
function extremumGradients({ op, x: [data, , updates], y, g }: Scatter, { scatter, gather }: Places): Gradients {
  const [kept, taken] = [indicator(op, op.Equal(data, y), y), indicator(op, op.Equal(updates, gather(y)), y)];
  const share = op.Div(g, scatter(kept, taken, 'add'));
  return [op.Mul(share, kept), null, op.Mul(gather(share), taken)];
}

const byReduction: { readonly [reduction: string]: (c: Scatter, places: Places) => Gradients } = {
  none: ({ builder, x: [, , updates], g }, { scatter, gather }) => [
    scatter(g, zerosLike(builder, updates), 'none'),
    null,
    gather(g),
  ],
  add: ({ g }, { gather }) => [g, null, gather(g)],
  mul: productGradients,
  max: extremumGradients,
  min: extremumGradients,
};

/** Gradients of data and updates after the updates were written into the data, or combined with it. */
export function scatterGradients(c: Scatter, places: Places): Gradients {
  const { reduction = 'none' } = c.attrs;
  const rule = Object.hasOwn(byReduction, reduction) ? byReduction[reduction] : undefined;
  if (rule) return rule(c, places);
  const known = Object.keys(byReduction).join(', ');
  throw new AutodiffError(`${c.node.opType} '${nameOf(c.node)}': expected a reduction of ${known}, got ${reduction}`);
}
