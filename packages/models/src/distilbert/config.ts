import { z } from 'zod';
import { ModelConfig } from '../architecture.js';
import { layers, share, size } from '../config-fields.js';
import { activationNames } from '../layers.js';

/** Configuration of DistilBERT, with transformers' defaults (`DistilBertConfig`). */
export const DistilBertConfig = ModelConfig.extend({
  model_type: z.literal('distilbert'),
  vocab_size: size.default(30_522),
  dim: size.default(768),
  n_layers: layers.default(6),
  n_heads: size.default(12),
  hidden_dim: size.default(4 * 768),
  max_position_embeddings: size.default(512),
  activation: z.enum(activationNames).default('gelu'),
  dropout: share.default(0.1),
  attention_dropout: share.default(0.1),
  seq_classif_dropout: share.default(0.2),
  tie_word_embeddings: z.boolean().default(true),
}).refine((c) => c.dim % c.n_heads === 0, { path: ['dim'], error: 'expected a multiple of n_heads' });

/** A parsed DistilBERT configuration. */
export type DistilBertConfig = z.output<typeof DistilBertConfig>;
