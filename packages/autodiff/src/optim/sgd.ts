import { demand } from '../errors.js';
import { checkStep, decayedOf, type Optimizer, rateOf } from './optimizer.js';

/** Hyper-parameters of SGD that are fixed in the graph. */
export interface SgdOptions {
  /** μ; 0 by default, without a slot. */
  readonly momentum?: number;
  /** Steps along g + μ·b instead of b (Sutskever et al. 2013, as in PyTorch). */
  readonly nesterov?: boolean;
}

/** Scalar inputs of the SGD step. */
export type SgdScalar = 'step_size' | 'decay';

/** Stochastic gradient descent with decoupled weight decay and, when asked for, momentum b ← μ·b + g, w ← decay·w - step_size·b. */
export function sgd({ momentum = 0, nesterov = false }: SgdOptions = {}): Optimizer<'b', SgdScalar, never> {
  demand(momentum >= 0 && momentum < 1, 'sgd.momentum', 'a factor in [0, 1)', momentum);
  demand(!nesterov || momentum > 0, 'sgd.momentum', 'a factor above 0 with nesterov', momentum);
  return {
    init: { slots: (momentum === 0 ? {} : { b: 'zeros' }) as { b: 'zeros' } },
    scalars: ['step_size', 'decay'],
    update: (context) => {
      const { op, stacks, scalars } = context;
      return {
        stacks: stacks.map((stack) => {
          const b = momentum === 0 ? undefined : op.Add(op.Mul(stack.slots.b, momentum), stack.g);
          const direction = b && nesterov ? op.Add(stack.g, op.Mul(b, momentum)) : (b ?? stack.g);
          const step = op.Mul(direction, rateOf(context, scalars.step_size, stack));
          return { w: op.Sub(decayedOf(context, scalars.decay, stack), step), ...(b ? { b } : {}) };
        }),
      };
    },
  };
}

/** Hyper-parameters of one SGD step. */
export interface SgdStep {
  readonly lr: number;
  readonly weightDecay?: number;
}

/** The scalars of one SGD step. */
export function sgdScalars({ lr, weightDecay = 0 }: SgdStep): Record<SgdScalar, number> {
  checkStep('sgd', { lr, weightDecay });
  return { step_size: lr, decay: 1 - lr * weightDecay };
}
