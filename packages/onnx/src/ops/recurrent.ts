import type { OpSpec } from './spec.js';

const cell = {
  activation_alpha: 'floats',
  activation_beta: 'floats',
  activations: 'strings',
  clip: 'float',
  direction: 'string',
  hidden_size: 'int',
  layout: 'int',
} as const;
const operands = ['x', 'weight', 'recurrence', 'bias?', 'sequence_lens?', 'initial_h?'] as const;

/** Recurrent layers. */
export const recurrent = {
  GRU: { in: operands, attrs: { ...cell, linear_before_reset: 'int' }, out: 2, outs: [0, 2] },
  LSTM: {
    in: [...operands, 'initial_c?', 'peepholes?'],
    attrs: { ...cell, input_forget: 'int' },
    out: 3,
    outs: [0, 3],
  },
  RNN: { in: operands, attrs: cell, out: 2, outs: [0, 2] },
} as const satisfies Record<string, OpSpec>;
