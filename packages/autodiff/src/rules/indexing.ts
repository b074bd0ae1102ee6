/**
 * Reading by index gives back by adding at the index. That is `ScatterElements`: ONNX Runtime's cpu kernel of
 * `ScatterND` adds from several threads at once and loses additions where an index comes twice.
 */
import { axisOf, type GraphBuilder, integersOf, type Value } from '@neuroprune/onnx';
import { AutodiffError, nameOf } from '../errors.js';
import { shapeOf, zerosLike } from '../like.js';
import type { RuleContext, RuleTable } from '../rule.js';
import { addedAt, elementsAdded, resized, scatterGradients } from './scatter.js';
import { indicator } from './selection.js';

/** Tables with at most this many rows get their gradient as a product with indicators, which costs less than scattering. */
const SMALL_TABLE = 32;

/** Indices counted from the front. */
const fromFront = ({ op }: GraphBuilder, indices: Value, extent: Value | number): Value =>
  op.Where(op.Less(indices, 0), op.Add(indices, extent), indices);

/** [rows, columns] sums of the rows of g that share an index. */
function rowSums(builder: GraphBuilder, rows: number, indices: Value, g: Value): Value {
  const { op } = builder;
  const each = op.Unsqueeze(
    op.Range(builder.scalar(0, 'int64'), builder.scalar(rows, 'int64'), builder.scalar(1, 'int64')),
    builder.ints(1),
  );
  const hit = op.Equal(each, op.Unsqueeze(op.Cast(fromFront(builder, indices, rows), { to: 7 }), builder.ints(0)));
  return op.Gemm(indicator(op, hit, g), g);
}

function gatherGradient({ builder, op, x: [data, indices], g, attrs }: RuleContext<'Gather'>): Value {
  const axis = axisOf(attrs.axis ?? 0, data.rank);
  const flat = indices.rank === 1 ? indices : op.Reshape(indices, builder.ints(-1));
  const rows = indices.rank === 1 ? g : op.Reshape(g, resized(builder, data, axis, builder.ints(-1)));
  const size = data.shape?.[axis];
  if (data.rank === 2 && axis === 0 && typeof size === 'number' && size <= SMALL_TABLE) {
    return rowSums(builder, size, flat, rows);
  }
  return addedAt(builder, zerosLike(builder, data), flat, rows, axis);
}

/** A run of neighbours from a known start: zeros before and after it. */
function padded({ builder, op, x: [data, starts, , , steps], g }: RuleContext<'Slice'>, axes: readonly number[]) {
  const before = integersOf(starts);
  const isWithin = (n: number, i: number) => n === 0 || (n > 0 && n <= Number(data.shape?.[axes[i] as number]));
  const isRun = before?.every(isWithin) && (!steps || integersOf(steps)?.every((n) => n === 1));
  if (!before || !isRun || axes.some((axis, i) => axes.indexOf(axis) !== i)) return undefined;
  const extents = (x: Value) => axes.map((axis) => op.Shape(x, { start: axis, end: axis + 1 }));
  const lengths = (x: Value) => (axes.length === 1 ? (extents(x)[0] as Value) : op.Concat(extents(x), { axis: 0 }));
  const after = op.Sub(op.Sub(lengths(data), builder.ints(...before)), lengths(g));
  const pads = op.Concat([builder.ints(...before), after], { axis: 0 });
  return op.Pad(g, pads, builder.scalar(0, g.dtype), builder.ints(...axes));
}

/** Each sliced axis in turn: the gradient goes where `Slice` of 0, 1, … says. */
function sliceGradient(c: RuleContext<'Slice'>): Value {
  const {
    builder,
    op,
    node,
    x: [data, starts, ends, axes, steps],
    g,
  } = c;
  const count = starts.shape?.[0];
  const first = typeof count === 'number' ? Array.from({ length: count }, (_, i) => i) : undefined;
  const along = axes ? integersOf(axes) : first;
  if (!along) throw new AutodiffError(`Slice '${nameOf(node)}': expected constant axes, got computed ones`);
  const run = padded(
    c,
    along.map((axis) => axisOf(axis, data.rank)),
  );
  if (run) return run;
  const [zero, one] = [builder.scalar(0, 'int64'), builder.scalar(1, 'int64')];
  return along.reduce((sofar, negative, i) => {
    const axis = axisOf(negative, data.rank);
    const entry = (v: Value) => op.Slice(v, builder.ints(i), builder.ints(i + 1));
    const length = op.Shape(data, { start: axis, end: axis + 1 });
    const all = op.Range(zero, op.Squeeze(length), one);
    const taken = op.Slice(all, entry(starts), entry(ends), builder.ints(0), steps && entry(steps));
    const zeros = op.Expand(builder.scalar(0, g.dtype), resized(builder, sofar, axis, length));
    return addedAt(builder, zeros, taken, sofar, axis);
  }, g);
}

/**
 * Index tuples (the last axis of `indices`) as positions among the axes they index, flattened; with `batch` leading axes
 * that both have, position p in batch element i counts as i·(positions of one) + p.
 */
function linearIndices(builder: GraphBuilder, data: Value, indices: Value, depth: number, batch: number): Value {
  const { op } = builder;
  const end = batch + depth;
  const extents = op.Shape(data, { start: batch, end });
  const last = builder.ints(-1);
  const count = (start: number, stop: number) =>
    op.ReduceProd(op.Shape(data, { start, end: stop }), builder.ints(0), { keepdims: 1 });
  const strides = Array.from({ length: depth }, (_, i) => count(batch + i + 1, end));
  const terms = op.Mul(fromFront(builder, indices, extents), op.Concat(strides, { axis: 0 }));
  const within = op.ReduceSum(terms, last, { keepdims: 0 });
  if (batch === 0) return op.Reshape(within, last);
  const scalar = (v: Value) => op.Squeeze(v, builder.ints(0));
  const elements = op.Range(builder.scalar(0, 'int64'), scalar(count(0, batch)), builder.scalar(1, 'int64'));
  const offsets = op.Unsqueeze(op.Mul(elements, count(batch, end)), builder.ints(1));
  const rows = op.Reshape(within, op.Concat([op.Shape(elements), last], { axis: 0 }));
  return op.Reshape(op.Add(rows, offsets), last);
}

function gatherNdGradient({ builder, op, node, x: [data, indices], g, attrs }: RuleContext<'GatherND'>): Value {
  const depth = indices.shape?.at(-1);
  const batch = attrs.batch_dims ?? 0;
  if (typeof depth !== 'number') {
    throw new AutodiffError(
      `GatherND '${nameOf(node)}': expected index tuples of known length, got [${indices.shape}]`,
    );
  }
  const rows = op.Concat([builder.ints(-1), op.Shape(data, { start: batch + depth })], { axis: 0 });
  const table = op.Reshape(zerosLike(builder, data), rows);
  const at = linearIndices(builder, data, indices, depth, batch);
  return op.Reshape(addedAt(builder, table, at, op.Reshape(g, rows), 0), shapeOf(builder, data));
}

/** Reading and writing by index. */
export const indexing: RuleTable<
  'Gather' | 'GatherElements' | 'GatherND' | 'OneHot' | 'ScatterElements' | 'ScatterND' | 'Slice' | 'TopK'
> = {
  Gather: (c) => [gatherGradient(c), null],
  GatherElements: ({ builder, x: [data, indices], g, attrs: { axis = 0 } }) => [
    elementsAdded(builder, zerosLike(builder, data), indices, g, axis),
    null,
  ],
  GatherND: (c) => [gatherNdGradient(c), null],
  OneHot: ({ op, builder, x: [indices, depth, values], g, attrs: { axis = -1 } }) => {
    const pair = (off: number, on: number) => builder.op.Concat([scalar(off), scalar(on)], { axis: 0 });
    const scalar = (v: number) => op.Unsqueeze(builder.scalar(v, values.dtype), builder.ints(0));
    const sum = (off: number, on: number) =>
      op.ReduceSum(op.Mul(g, op.OneHot(indices, depth, pair(off, on), { axis })), undefined, { keepdims: 0 });
    return [
      null,
      null,
      op.Concat([op.Unsqueeze(sum(1, 0), builder.ints(0)), op.Unsqueeze(sum(0, 1), builder.ints(0))], { axis: 0 }),
    ];
  },
  ScatterElements: (c) => {
    const {
      op,
      x: [, indices],
      attrs: { axis = 0 },
    } = c;
    return scatterGradients(c, {
      scatter: (data, updates, reduction) => op.ScatterElements(data, indices, updates, { axis, reduction }),
      gather: (data) => op.GatherElements(data, indices, { axis }),
    });
  },
  ScatterND: (c) => {
    const {
      op,
      x: [, indices],
    } = c;
    return scatterGradients(c, {
      scatter: (data, updates, reduction) => op.ScatterND(data, indices, updates, { reduction }),
      gather: (data) => op.GatherND(data, indices),
    });
  },
  Slice: (c) => [sliceGradient(c), null, null, null, null],
  TopK: ({ op, builder, x: [x], y: [, at], g: [g], attrs: { axis = -1 } }) => [
    g ? op.ScatterElements(zerosLike(builder, x), at, g, { axis }) : null,
    null,
  ],
};
