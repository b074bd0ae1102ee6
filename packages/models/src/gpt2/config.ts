import { z } from 'zod';
import { ModelConfig } from '../architecture.js';
import { layers, share, size } from '../config-fields.js';
import { activationNames } from '../layers.js';

/** Configuration of GPT-2, with transformers' defaults (`GPT2Config`) for what older files leave out. */
export const Gpt2Config = ModelConfig.extend({
  model_type: z.literal('gpt2'),
  vocab_size: size,
  n_positions: size.default(1024),
  n_embd: size,
  n_layer: layers,
  n_head: size,
  n_inner: size.nullish(),
  activation_function: z.enum(activationNames).default('gelu_new'),
  resid_pdrop: share.default(0.1),
  embd_pdrop: share.default(0.1),
  attn_pdrop: share.default(0.1),
  layer_norm_epsilon: z.number().positive().default(1e-5),
  scale_attn_weights: z.boolean().default(true),
  scale_attn_by_inverse_layer_idx: z.boolean().default(false),
  add_cross_attention: z.literal(false).default(false),
  tie_word_embeddings: z.literal(true).default(true),
}).refine((c) => c.n_embd % c.n_head === 0, { path: ['n_embd'], error: 'expected a multiple of n_head' });

/** A parsed GPT-2 configuration. */
export type Gpt2Config = z.output<typeof Gpt2Config>;
