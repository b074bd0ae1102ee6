import type { Value } from '@neuroprune/onnx';
import type { UpdateContext } from './optimizer.js';

/** The context with the norm of its own gradients. */
export function withNorm(context: Omit<UpdateContext, 'norm'>): UpdateContext {
  let known: Value | undefined;
  const norm = () => {
    known ??= globalNorm(context);
    return known;
  };
  return { ...context, norm };
}

/**
 * √Σ g² over all stacks; along the last axis first, which is exact longer and runs in parallel. The squares are those that
 * AdamW takes too, so that they are computed once; and ReduceSumSquare is a slow kernel on cpu.
 */
function globalNorm({ builder, op, stacks }: Omit<UpdateContext, 'norm'>): Value {
  const sums = stacks.map(({ g }) => {
    const rank = g.shape?.length ?? 0;
    const squares = op.Mul(g, g);
    const rows = rank > 1 ? op.ReduceSum(squares, builder.ints(rank - 1), { keepdims: 0 }) : squares;
    return rank > 0 ? op.ReduceSum(rows, undefined, { keepdims: 0 }) : rows;
  });
  return op.Sqrt(sums.reduce((a, b) => op.Add(a, b)));
}
