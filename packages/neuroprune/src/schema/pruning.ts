import { z } from 'zod';
import { count, option } from './options.js';

const notNegative = z.number().min(0);
const neuroprune = { method: ['neuroprune'] } as const;

/** Options of the verbs that prune, beside those of training. */
export const pruning = {
  method: option(z.enum(['neuroprune', 'gradual', 'dense']).default('neuroprune'), {
    description: 'NeuroPrune, gradual magnitude pruning, or dense training',
  }),
  sparsity: option(z.number().gt(0).lt(1).optional(), {
    description: 'Share of the prunable weights that are zero in the end',
    'x-with': { method: ['neuroprune', 'gradual'] },
  }),
  heads: option(count(1).optional(), {
    description: 'Attention heads to keep, of all layers together',
    'x-with': neuroprune,
  }),
  solver: option(z.enum(['threshold', 'subgradient']).default('threshold'), {
    description: 'Quantile thresholds over topology scores, or the penalties of the paper as loss terms',
    'x-with': neuroprune,
  }),
  alpha: option(notNegative.optional(), {
    description: 'Weight of the MLP penalty (Eq. 1)',
    'x-with': { ...neuroprune, solver: ['subgradient'] },
  }),
  beta: option(notNegative.optional(), {
    description: 'Weight of the attention penalty (Eq. 2)',
    'x-with': { ...neuroprune, solver: ['subgradient'] },
  }),
  theta: option(notNegative.optional(), {
    description: 'Largest difference at which two heads count as similar',
    'x-default': '0.15, or found by feedback with --heads',
    'x-with': neuroprune,
  }),
  outGrouping: option(z.enum(['joint', 'unit', 'row']).default('joint'), {
    description: 'What shares one degree in the contracting MLP matrix: unit with its inputs, unit, output row',
    'x-with': neuroprune,
  }),
  gamma: option(notNegative.default(1), {
    description: 'Exponent of the degree in the score of a weight',
    'x-with': { ...neuroprune, solver: ['threshold'] },
  }),
  baseline: option(z.enum(['dense']).optional(), {
    description: 'Train this too, with the same seed and steps, to compare with',
    'x-with': { method: ['neuroprune', 'gradual'] },
  }),
} as const;

interface Asked {
  readonly method: string;
  readonly sparsity?: number | undefined;
}

/** A method that prunes needs a target. */
export function requireSparsity({ method, sparsity }: Asked, issues: z.core.$RefinementCtx): void {
  if (method === 'dense' || sparsity !== undefined) return;
  issues.addIssue({ code: 'custom', path: ['sparsity'], message: `required with --method ${method}` });
}
