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

/** √Σ g² over all stacks; along the last axis first, which is exact longer and runs in parallel. */
function globalNorm({ builder, op, stacks }: Omit<UpdateContext, 'norm'>): Value {
  const sums = stacks.map(({ g }) => {
    const rank = g.shape?.length ?? 0;
    const rows = rank > 1 ? op.ReduceSumSquare(g, builder.ints(rank - 1), { keepdims: 0 }) : op.Mul(g, g);
    return rank > 0 ? op.ReduceSum(rows, undefined, { keepdims: 0 }) : rows;
  });
  return op.Sqrt(sums.reduce((a, b) => op.Add(a, b)));
}
