import type { Optimizer } from './optimizer.js';

/** Hyper-parameters of AdamW that are fixed in the graph. */
export interface AdamWOptions {
  readonly beta1?: number;
  readonly beta2?: number;
}

/** Scalar inputs of the AdamW step. */
export type AdamWScalar = 'step_size' | 'epsilon' | 'decay';

const BETAS = { beta1: 0.9, beta2: 0.999 };

/**
 * AdamW (Loshchilov & Hutter 2019, as in PyTorch) on rescaled moments M = m/(1-β₁), V = v/(1-β₂), so that a step is
 * M ← β₁M + g, V ← β₂V + g², w ← decay·w - step_size·M/(√V + epsilon): 11 elementwise operators.
 */
export function adamw({ beta1, beta2 }: AdamWOptions = {}): Optimizer<'m' | 'v', AdamWScalar> {
  return {
    slots: ['m', 'v'],
    scalars: ['step_size', 'epsilon', 'decay'],
    update: ({ op, w, g, slots, scalars: { step_size, epsilon, decay }, decayed }) => {
      const m = op.Add(op.Mul(slots.m, beta1 ?? BETAS.beta1), g);
      const v = op.Add(op.Mul(slots.v, beta2 ?? BETAS.beta2), op.Mul(g, g));
      const step = op.Mul(op.Div(m, op.Add(op.Sqrt(v), epsilon)), step_size);
      return { w: op.Sub(decayed ? op.Mul(w, decay) : w, step), m, v };
    },
  };
}

/** Hyper-parameters of one AdamW step; `step` counts from 1. */
export interface AdamWStep extends AdamWOptions {
  readonly lr: number;
  readonly step: number;
  readonly eps?: number;
  readonly weightDecay?: number;
}

/** The scalars of one AdamW step: bias corrections 1-βᵗ and the rescaling of the moments, folded. */
export function adamwScalars({
  lr,
  step,
  beta1 = BETAS.beta1,
  beta2 = BETAS.beta2,
  eps = 1e-8,
  weightDecay = 0,
}: AdamWStep): Record<AdamWScalar, number> {
  const root = Math.sqrt((1 - beta2) / (1 - beta2 ** step)); // √v̂ = root·√V
  const first = (1 - beta1) / (1 - beta1 ** step); // m̂ = first·M
  return { step_size: (lr * first) / root, epsilon: eps / root, decay: 1 - lr * weightDecay };
}
