import type { Optimizer } from './optimizer.js';

/** Scalar inputs of the SGD step. */
export type SgdScalar = 'step_size' | 'decay';

/** Stochastic gradient descent with decoupled weight decay and, when asked for, momentum b ← μ·b + g, w ← decay·w - step_size·b. */
export function sgd({ momentum = 0 }: { readonly momentum?: number } = {}): Optimizer<'b', SgdScalar> {
  return {
    slots: momentum === 0 ? [] : ['b'],
    scalars: ['step_size', 'decay'],
    update: ({ op, w, g, slots, scalars: { step_size, decay }, decayed }) => {
      const b = momentum === 0 ? g : op.Add(op.Mul(slots.b, momentum), g);
      return { w: op.Sub(decayed ? op.Mul(w, decay) : w, op.Mul(b, step_size)), b };
    },
  };
}

/** The scalars of one SGD step. */
export const sgdScalars = ({
  lr,
  weightDecay = 0,
}: {
  readonly lr: number;
  readonly weightDecay?: number;
}): Record<SgdScalar, number> => ({ step_size: lr, decay: 1 - lr * weightDecay });
