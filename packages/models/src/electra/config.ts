import { z } from 'zod';
import { ModelConfig } from '../architecture.js';
import { layers, share, size } from '../config-fields.js';
import { activationNames } from '../layers.js';

/** Configuration of ELECTRA, with transformers' defaults (`ElectraConfig`). */
export const ElectraConfig = ModelConfig.extend({
  model_type: z.literal('electra'),
  vocab_size: size.default(30_522),
  embedding_size: size.default(128),
  hidden_size: size.default(256),
  num_hidden_layers: layers.default(12),
  num_attention_heads: size.default(4),
  intermediate_size: size.default(1024),
  max_position_embeddings: size.default(512),
  type_vocab_size: size.default(2),
  hidden_act: z.enum(activationNames).default('gelu'),
  hidden_dropout_prob: share.default(0.1),
  attention_probs_dropout_prob: share.default(0.1),
  classifier_dropout: share.nullish(),
  layer_norm_eps: z.number().positive().default(1e-12),
  position_embedding_type: z.literal('absolute').default('absolute'),
  is_decoder: z.literal(false).default(false),
  tie_word_embeddings: z.boolean().default(true),
}).refine((c) => c.hidden_size % c.num_attention_heads === 0, {
  path: ['hidden_size'],
  error: 'expected a multiple of num_attention_heads',
});

/** A parsed ELECTRA configuration. */
export type ElectraConfig = z.output<typeof ElectraConfig>;
