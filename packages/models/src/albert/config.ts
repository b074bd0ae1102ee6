import { z } from 'zod';
import { ModelConfig } from '../architecture.js';
import { evenHeads, layers, share, size } from '../config-fields.js';
import { activationNames } from '../layers.js';

/** Configuration of ALBERT, with transformers' defaults (`AlbertConfig`). */
export const AlbertConfig = ModelConfig.extend({
  model_type: z.literal('albert'),
  vocab_size: size.default(30_000),
  embedding_size: size.default(128),
  hidden_size: size.default(4096),
  num_hidden_layers: layers.default(12),
  num_hidden_groups: layers.default(1),
  inner_group_num: layers.default(1),
  num_attention_heads: size.default(64),
  intermediate_size: size.default(16_384),
  max_position_embeddings: size.default(512),
  type_vocab_size: size.default(2),
  hidden_act: z.enum(activationNames).default('gelu_new'),
  hidden_dropout_prob: share.default(0),
  attention_probs_dropout_prob: share.default(0),
  classifier_dropout_prob: share.default(0.1),
  layer_norm_eps: z.number().positive().default(1e-12),
  position_embedding_type: z.literal('absolute').default('absolute'),
  tie_word_embeddings: z.boolean().default(true),
})
  .refine(...evenHeads)
  .refine((c) => c.num_hidden_groups <= c.num_hidden_layers, {
    path: ['num_hidden_groups'],
    error: 'expected at most num_hidden_layers',
  });

/** A parsed ALBERT configuration. */
export type AlbertConfig = z.output<typeof AlbertConfig>;
