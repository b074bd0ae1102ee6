import type { GraphBuilder, Value } from '@neuroprune/onnx';
import { AutodiffError } from './errors.js';
import { reshapeLike } from './like.js';

/**
 * Undoes broadcasting: sums a gradient over the axes along which `x` was repeated, so that it has the shape of `x`.
 * A dimension that is not known to be 1 was not repeated.
 */
export function sumTo(builder: GraphBuilder, g: Value, x: Value): Value {
  const [from, to] = [g.shape, x.shape];
  if (!from || !to) {
    throw new AutodiffError(
      `gradient of '${x.name}': expected known ranks, got one unknown; declare the inputs' shapes`,
    );
  }
  const extra = from.length - to.length;
  const axes = from.flatMap((d, i) => (i < extra || (to[i - extra] === 1 && d !== 1) ? [i] : []));
  if (axes.length === 0) return g;
  const sum = builder.op.ReduceSum(g, builder.ints(...axes), { keepdims: 0 });
  return axes.length === extra ? sum : reshapeLike(builder, sum, x);
}
