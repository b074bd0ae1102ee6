import type { OpSpec } from './spec.js';

/** Attention, rotary positions and root-mean-square normalization (operator set 23). */
export const attention = {
  Attention: {
    in: ['q', 'k', 'v', 'mask?', 'pastKey?', 'pastValue?', 'nonPaddedLengths?'],
    attrs: {
      is_causal: 'int',
      kv_num_heads: 'int',
      q_num_heads: 'int',
      qk_matmul_output_mode: 'int',
      scale: 'float',
      softcap: 'float',
      softmax_precision: 'int',
    },
    out: 4,
    outs: [1, 4],
    since: 23,
  },
  RMSNormalization: { in: ['x', 'scale'], attrs: { axis: 'int', epsilon: 'float', stash_type: 'int' }, since: 23 },
  RotaryEmbedding: {
    in: ['x', 'cos', 'sin', 'positions?'],
    attrs: { interleaved: 'int', num_heads: 'int', rotary_embedding_dim: 'int' },
    since: 23,
  },
} as const satisfies Record<string, OpSpec>;
