import type { losses } from '@neuroprune/autodiff';
import type { Task } from '@neuroprune/models';

/** The loss of each task whose logits are those of tokens. */
export const tokenLosses = {
  'masked-lm': 'tokenCrossEntropy',
  'causal-lm': 'nextTokenCrossEntropy',
  'seq2seq-lm': 'tokenCrossEntropy',
} as const satisfies Record<Exclude<Task, 'sequence-classification'>, keyof typeof losses>;
