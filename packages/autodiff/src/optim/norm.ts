import { sizeOf, type Value } from '@neuroprune/onnx';
import type { UpdateContext } from './optimizer.js';

/** Elements that are summed up at once. */
const SHORT = 2 ** 14;

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
 * √Σ g² over all stacks; along the last axis first where there are many, which is exact longer and runs in parallel. The
 * squares are those that AdamW takes too, so that they are computed once; ReduceSumSquare is a slow kernel on cpu.
 */
function globalNorm({ builder, op, stacks }: Omit<UpdateContext, 'norm'>): Value {
  const sums = stacks.map(({ g }) => {
    const rank = g.shape?.length ?? 0;
    const squares = op.Mul(g, g);
    const isShort = sizeOf((g.shape ?? []) as readonly number[]) <= SHORT;
    const rows = rank > 1 && !isShort ? op.ReduceSum(squares, builder.ints(rank - 1), { keepdims: 0 }) : squares;
    return rank > 0 ? op.ReduceSum(rows, undefined, { keepdims: 0 }) : rows;
  });
  return op.Sqrt(sums.reduce((a, b) => op.Add(a, b)));
}
