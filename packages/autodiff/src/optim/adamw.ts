import { demand } from '../errors.js';
import { checkStep, decayedOf, type Optimizer, rateOf } from './optimizer.js';

/** Hyper-parameters of AdamW that are fixed in the graph. */
export interface AdamWOptions {
  readonly beta1?: number;
  readonly beta2?: number;
}

/** Scalar inputs of the AdamW step. */
export type AdamWScalar = 'step_size' | 'epsilon' | 'decay';

/** Variables of AdamW: how much weight the moments hold, Σ βⁱ over the steps taken. */
export type AdamWVariable = 'adamw.mass1' | 'adamw.mass2';

/**
 * AdamW (Loshchilov & Hutter 2019, as in PyTorch) on rescaled moments M = m/(1-β₁), V = v/(1-β₂), so that a step is
 * M ← β₁M + g, V ← β₂V + g², w ← decay·w - rate·M/(√V + ε'): 11 elementwise operators. With the masses n = Σ βⁱ, which
 * count the steps really taken, m̂ = M/n₁ and v̂ = V/n₂, so rate = lr·√n₂/n₁ and ε' = ε·√n₂.
 */
export function adamw({
  beta1 = 0.9,
  beta2 = 0.999,
}: AdamWOptions = {}): Optimizer<'m' | 'v', AdamWScalar, AdamWVariable> {
  for (const [name, beta] of Object.entries({ beta1, beta2 }))
    demand(beta >= 0 && beta < 1, `adamw.${name}`, 'a factor in [0, 1)', beta);
  return {
    init: { slots: { m: 'zeros', v: 'zeros' }, variables: { 'adamw.mass1': 0, 'adamw.mass2': 0 } },
    scalars: ['step_size', 'epsilon', 'decay'],
    update: (context) => {
      const { op, stacks, scalars, variables } = context;
      const mass1 = op.Add(op.Mul(variables['adamw.mass1'], beta1), 1);
      const mass2 = op.Add(op.Mul(variables['adamw.mass2'], beta2), 1);
      const root = op.Sqrt(mass2);
      const rate = op.Div(op.Mul(scalars.step_size, root), mass1);
      const epsilon = op.Mul(scalars.epsilon, root);
      return {
        variables: { 'adamw.mass1': mass1, 'adamw.mass2': mass2 },
        stacks: stacks.map((stack) => {
          const m = op.Add(op.Mul(stack.slots.m, beta1), stack.g);
          const v = op.Add(op.Mul(stack.slots.v, beta2), op.Mul(stack.g, stack.g));
          const step = op.Mul(op.Div(m, op.Add(op.Sqrt(v), epsilon)), rateOf(context, rate, stack));
          return { w: op.Sub(decayedOf(context, scalars.decay, stack), step), m, v };
        }),
      };
    },
  };
}

/** Hyper-parameters of one AdamW step. */
export interface AdamWStep {
  readonly lr: number;
  readonly eps?: number;
  readonly weightDecay?: number;
}

/** The scalars of one AdamW step; bias corrections are the graph's, which alone knows what steps were skipped. */
export function adamwScalars({ lr, eps = 1e-8, weightDecay = 0 }: AdamWStep): Record<AdamWScalar, number> {
  checkStep('adamw', { lr, eps, weightDecay });
  return { step_size: lr, epsilon: eps, decay: 1 - lr * weightDecay };
}
