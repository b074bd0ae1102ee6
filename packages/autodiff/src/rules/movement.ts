import { axisOf, type GraphBuilder, integersOf, type Value } from '@neuroprune/onnx';
import { AutodiffError, nameOf } from '../errors.js';
import { reshapeLike, shapeOf, zerosLike } from '../like.js';
import type { Rule, RuleContext, RuleTable } from '../rule.js';
import { isMatrixTranspose, transposed } from './linalg.js';
import { addedAt, resized } from './scatter.js';

const reshaped: Rule<'Flatten'> = ({ builder, x: [x], g }) => [reshapeLike(builder, g, x)];

/** Cuts a gradient along an axis into pieces as long as the given values. */
function cutLike(builder: GraphBuilder, g: Value, like: readonly Value[], axis: number): Value[] {
  const { op } = builder;
  const sizes = like.map((x) => x.shape?.[axis]);
  if (sizes.every((s) => typeof s === 'number' && s === sizes[0]))
    return op.Split(g, { axis, num_outputs: like.length });
  const lengths = op.Concat(
    like.map((x) => op.Shape(x, { start: axis, end: axis + 1 })),
    { axis: 0 },
  );
  const pieces = builder.node('Split', [g, lengths], { axis: { type: 'int', value: axis } }, like.length);
  // Lengths known only at run time say nothing of the pieces' shapes; the operands do.
  return pieces.map((piece, i) => Object.assign(piece, { dtype: g.dtype, shape: like[i]?.shape }));
}

/** Pads of a mode that repeats elements: the positions it takes along each axis say where the gradient goes. */
function mirroredGradient({ op, builder, node, x: [x, pads, , axes], g, attrs }: RuleContext<'Pad'>): Value {
  const along = axes ? integersOf(axes) : Array.from({ length: x.rank }, (_, i) => i);
  if (!along) throw new AutodiffError(`Pad '${nameOf(node)}': expected constant axes, got computed ones`);
  const [zero, one] = [builder.scalar(0, 'int64'), builder.scalar(1, 'int64')];
  const { mode = 'constant' } = attrs;
  return along.reduce((sofar, negative, i) => {
    const axis = axisOf(negative, x.rank);
    const length = op.Shape(x, { start: axis, end: axis + 1 });
    const positions = op.Range(zero, op.Squeeze(length, builder.ints(0)), one);
    const taken = op.Pad(positions, op.Gather(pads, builder.ints(i, i + along.length)), undefined, undefined, { mode });
    const zeros = op.Expand(builder.scalar(0, g.dtype), resized(builder, sofar, axis, length));
    return addedAt(builder, zeros, taken, sofar, axis);
  }, g);
}

/** Operators that copy elements to other places. */
export const movement: RuleTable<
  | 'Concat'
  | 'CumSum'
  | 'Expand'
  | 'Flatten'
  | 'Pad'
  | 'Reshape'
  | 'Split'
  | 'Squeeze'
  | 'Tile'
  | 'Transpose'
  | 'Trilu'
  | 'Unsqueeze'
> = {
  Concat: ({ builder, x, g, attrs: { axis } }) => (x.length === 1 ? [g] : cutLike(builder, g, x, axisOf(axis, g.rank))),
  CumSum: ({ op, x: [, axis], g, attrs: { exclusive = 0, reverse = 0 } }) => [
    op.CumSum(g, axis, { exclusive, reverse: 1 - reverse }),
    null,
  ],
  Expand: ({ g }) => [g, null],
  Flatten: reshaped,
  Pad: (c) => {
    const { op, builder, x, g, attrs } = c;
    const [, pads, value, axes] = x;
    if ((attrs.mode ?? 'constant') !== 'constant') return [mirroredGradient(c), null, null, null];
    const inside = op.Pad(g, op.Neg(pads), builder.scalar(0, g.dtype), axes);
    const sum = (v: Value) => op.ReduceSum(v, undefined, { keepdims: 0 });
    return [inside, null, value && op.Sub(sum(g), sum(inside)), null];
  },
  Reshape: ({ builder, x: [x], g }) => [reshapeLike(builder, g, x), null],
  Split: ({ op, builder, y, g, attrs: { axis = 0 } }) => [
    op.Concat(
      y.map((part, i) => g[i] ?? zerosLike(builder, part)),
      { axis },
    ),
    null,
  ],
  Squeeze: ({ builder, x: [x], g }) => [reshapeLike(builder, g, x), null],
  Tile: ({ op, builder, x: [x, repeats], g }) => {
    if (x.rank === 0) return [g, null];
    // [r₁·d₁, …] seen as [r₁, d₁, …], summed over the r's.
    const column = (v: Value) => op.Unsqueeze(v, builder.ints(1));
    const pairs = op.Concat([column(repeats), column(shapeOf(builder, x))], { axis: 1 });
    const split = op.Reshape(g, op.Reshape(pairs, builder.ints(2 * x.rank)));
    return [
      op.ReduceSum(split, builder.ints(...Array.from({ length: x.rank }, (_, i) => 2 * i)), { keepdims: 0 }),
      null,
    ];
  },
  Transpose: ({ op, g, attrs: { perm } }) => {
    const inverse = perm?.map((_, i) => perm.findIndex((p) => axisOf(p, g.rank) === i));
    // (A·B)ᵀ = Bᵀ·Aᵀ: of the gradient of a transposed factor, a product without a transpose of its own.
    const [a, b] = g.producer?.opType === 'MatMul' ? g.producer.inputs : [];
    if (a && b && a.rank === g.rank && b.rank === g.rank && isMatrixTranspose(inverse))
      return [op.MatMul(transposed(op, b), transposed(op, a))];
    return [op.Transpose(g, inverse ? { perm: inverse } : {})];
  },
  Trilu: ({ op, x: [, k], g, attrs: { upper = 1 } }) => [op.Trilu(g, k, { upper }), null],
  Unsqueeze: ({ builder, x: [x], g }) => [reshapeLike(builder, g, x), null],
};
