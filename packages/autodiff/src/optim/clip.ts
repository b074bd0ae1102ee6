import { demand } from '../errors.js';
import type { Optimizer } from './optimizer.js';

/** Keeps the factor finite where the gradient is zero, as in PyTorch's `clip_grad_norm_`. */
const TINY = 1e-6;

/** Scales the whole gradient down to a Euclidean norm of at most `max` (Pascanu et al. 2013); reports `grad_norm`, the norm before. */
export function clipByGlobalNorm(max: number): Optimizer<never, never, never> {
  demand(max > 0, 'clipByGlobalNorm', 'a bound above 0', max);
  return {
    init: { slots: {} },
    scalars: [],
    results: ['grad_norm'],
    update: ({ op, stacks, norm }) => {
      const length = norm();
      const factor = op.Min([op.Div(max, op.Add(length, TINY)), 1]);
      return { stacks: stacks.map(({ g }) => ({ g: op.Mul(g, factor) })), results: { grad_norm: length } };
    },
  };
}

/** Cuts every element of the gradient to [-max, max]. */
export function clipByValue(max: number): Optimizer<never, never, never> {
  demand(max > 0, 'clipByValue', 'a bound above 0', max);
  return {
    init: { slots: {} },
    scalars: [],
    update: ({ op, stacks }) => ({ stacks: stacks.map(({ g }) => ({ g: op.Clip(g, -max, max) })) }),
  };
}

/** Changes nothing and reports `grad_norm`. */
export const gradNorm = (): Optimizer<never, never, never> => ({
  init: { slots: {} },
  scalars: [],
  results: ['grad_norm'],
  update: ({ stacks, norm }) => ({ stacks: stacks.map(() => ({})), results: { grad_norm: norm() } }),
});
