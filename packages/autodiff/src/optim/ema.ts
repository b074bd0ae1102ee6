import { AutodiffError, demand } from '../errors.js';
import type { Optimizer } from './optimizer.js';

/**
 * Keeps an exponential moving average of the weights in the slot `ema`, ema ← d·ema + (1-d)·w'; it starts as the weights.
 * A link that comes after the optimizer in a chain; `parametersOf(state, signature, 'ema')` reads it.
 */
export const ema = (): Optimizer<'ema', 'ema_decay', never> => ({
  init: { slots: { ema: 'weights' } },
  scalars: ['ema_decay'],
  update: ({ op, stacks, scalars: { ema_decay: decay } }) => {
    const rest = op.Sub(1, decay);
    return {
      stacks: stacks.map(({ next, slots }) => {
        if (!next) throw new AutodiffError('ema: expected to come after an optimizer in the chain, got no new weights');
        return { ema: op.Add(op.Mul(slots.ema, decay), op.Mul(next, rest)) };
      }),
    };
  },
});

/** The scalar of one step's moving average. */
export function emaScalars({ decay }: { readonly decay: number }): Record<'ema_decay', number> {
  demand(decay >= 0 && decay <= 1, 'ema.decay', 'a factor in [0, 1]', decay);
  return { ema_decay: decay };
}
