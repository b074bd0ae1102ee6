import { z } from 'zod';
import { ModelConfig } from '../architecture.js';
import { layers, share, size } from '../config-fields.js';
import { activationNames } from '../layers.js';

/** Configuration of OPT, with transformers' defaults (`OPTConfig`) for what older files leave out. */
export const OptConfig = ModelConfig.extend({
  model_type: z.literal('opt'),
  vocab_size: size,
  hidden_size: size,
  num_hidden_layers: layers,
  num_attention_heads: size,
  ffn_dim: size,
  max_position_embeddings: size.default(2048),
  word_embed_proj_dim: size.nullish(),
  do_layer_norm_before: z.boolean().default(true),
  _remove_final_layer_norm: z.boolean().default(false),
  layer_norm_elementwise_affine: z.literal(true).default(true),
  enable_bias: z.boolean().default(true),
  activation_function: z.enum(activationNames).default('relu'),
  dropout: share.default(0.1),
  attention_dropout: share.default(0),
  layerdrop: z.literal(0).default(0),
  tie_word_embeddings: z.literal(true).default(true),
}).refine((c) => c.hidden_size % c.num_attention_heads === 0, {
  path: ['hidden_size'],
  error: 'expected a multiple of num_attention_heads',
});

/** A parsed OPT configuration. */
export type OptConfig = z.output<typeof OptConfig>;
