/** Shapes of other values as targets: constants where they are known, else computed at run time. */
import { codeOf, type GraphBuilder, int64, type Shape, scalarTensor, sizeOf, type Value } from '@neuroprune/onnx';

const isStatic = (shape: Shape): shape is readonly number[] => shape.every((d) => typeof d === 'number');

/** The shape of `x` as an int64 vector. */
export function shapeOf(builder: GraphBuilder, x: Value): Value {
  return x.shape && isStatic(x.shape) ? builder.constant(int64(x.shape)) : builder.op.Shape(x);
}

/** `value` in the shape of `x`, which has as many elements. */
export function reshapeLike(builder: GraphBuilder, value: Value, x: Value): Value {
  if (x.shape && value.shape && x.shape.length === value.shape.length && isStatic(x.shape) && isStatic(value.shape)) {
    if (x.shape.every((d, i) => d === value.shape?.[i])) return value;
  }
  const open = x.shape?.filter((d) => typeof d !== 'number').length ?? 2;
  if (!x.shape || open > 1 || x.shape.includes(0)) return builder.op.Reshape(value, builder.op.Shape(x));
  const target = x.shape.map((d) => (typeof d === 'number' ? d : -1));
  return builder.op.Reshape(value, builder.constant(int64(target)));
}

/** `value` broadcast to the shape of `x`. */
export const expandLike = (builder: GraphBuilder, value: Value, x: Value): Value =>
  sameShape(value, x) ? value : builder.op.Expand(value, shapeOf(builder, x));

/** Zeros of the shape and type of `x`. */
export function zerosLike(builder: GraphBuilder, x: Value): Value {
  return filledLike(builder, x, 0);
}

/** One number in the shape and type of `x`. */
export function filledLike(builder: GraphBuilder, x: Value, fill: number): Value {
  const value = { ...scalarTensor(fill, x.dtype ?? 'float32'), dims: [1] };
  return builder.op.ConstantOfShape(shapeOf(builder, x), { value });
}

/** True when the two are known to have the same shape. */
export function sameShape(a: Value, b: Value): boolean {
  const [p, q] = [a.shape, b.shape];
  return p !== undefined && q !== undefined && p.length === q.length && p.every((d, i) => d !== null && d === q[i]);
}

/** Number of elements along the axes, as a scalar constant of the type of `x` or computed at run time. */
export function countAlong(builder: GraphBuilder, x: Value, axes: readonly number[]): Value {
  const dtype = x.dtype ?? 'float32';
  const dims = axes.map((a) => x.shape?.[a] ?? null);
  if (isStatic(dims)) return builder.scalar(sizeOf(dims), dtype);
  const { op } = builder;
  const extents = op.Gather(op.Shape(x), builder.ints(...axes), { axis: 0 });
  const count = op.ReduceProd(extents, builder.ints(0), { keepdims: 0 });
  return op.Cast(count, { to: codeOf(dtype) });
}
