import { z } from 'zod';
import { activationNames } from './layers.js';

// Bounds keep a hostile config.json from asking for work before the weights' shapes contradict it.

/** A count of dimensions, words, heads or positions. */
export const size = z.int().positive().max(10_000_000);

/** A number of layers. */
export const layers = z.int().positive().max(1_000);

/** A share that dropout takes. */
export const share = z.number().min(0).max(1);

/** Rows of the tables of positions and token types, with BERT's defaults. */
export const tableFields = {
  max_position_embeddings: size.default(512),
  type_vocab_size: size.default(2),
};

/** A decoder that reads an encoder is built only as a half of one model with it. */
export const withoutSource = { add_cross_attention: z.literal(false).optional() };

/** What BERT and those that kept its keys say of their layers and heads, with BERT's defaults. */
export const bertFields = {
  hidden_act: z.enum(activationNames).default('gelu'),
  hidden_dropout_prob: share.default(0.1),
  attention_probs_dropout_prob: share.default(0.1),
  classifier_dropout: share.nullish(),
  layer_norm_eps: z.number().positive().default(1e-12),
  position_embedding_type: z.literal('absolute').default('absolute'),
  is_decoder: z.boolean().default(false),
  is_encoder_decoder: z.literal(false).optional(),
  ...withoutSource,
  tie_word_embeddings: z.boolean().default(true),
};

/** Whether heads share the width evenly, and what to say where they do not: what `refine` takes. */
export const evenHeads: [
  holds: (c: { readonly hidden_size: number; readonly num_attention_heads: number }) => boolean,
  issue: { path: string[]; error: string },
] = [
  (c) => c.hidden_size % c.num_attention_heads === 0,
  { path: ['hidden_size'], error: 'expected a multiple of num_attention_heads' },
];
