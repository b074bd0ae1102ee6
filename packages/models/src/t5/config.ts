import { z } from 'zod';
import { ModelConfig } from '../architecture.js';
import { layers, share, size } from '../config-fields.js';

/** Feed-forward parts by `feed_forward_proj`: their activation, and whether a second matrix gates it (T5 v1.1). */
export const feedForwards = {
  relu: { activation: 'relu', gated: false },
  gelu: { activation: 'gelu', gated: false },
  silu: { activation: 'silu', gated: false },
  gelu_new: { activation: 'gelu_new', gated: false },
  'gated-relu': { activation: 'relu', gated: true },
  'gated-gelu': { activation: 'gelu_new', gated: true }, // transformers keeps this name for the approximation by tanh
  'gated-silu': { activation: 'silu', gated: true },
  'gated-gelu_new': { activation: 'gelu_new', gated: true },
} as const;

const names = Object.keys(feedForwards) as [keyof typeof feedForwards, ...(keyof typeof feedForwards)[]];

/** Configuration of T5, with transformers' defaults (`T5Config`) for what older files leave out. */
export const T5Config = ModelConfig.extend({
  model_type: z.literal('t5'),
  vocab_size: size,
  d_model: size,
  d_kv: size,
  d_ff: size,
  num_layers: layers,
  num_decoder_layers: layers.nullish(),
  num_heads: size,
  relative_attention_num_buckets: z.int().min(4).max(10_000).default(32),
  relative_attention_max_distance: z.int().positive().max(100_000).default(128),
  feed_forward_proj: z.enum(names).default('relu'),
  dropout_rate: share.default(0.1),
  layer_norm_epsilon: z.number().positive().default(1e-6),
  tie_word_embeddings: z.boolean().default(true),
});

/** A parsed T5 configuration. */
export type T5Config = z.output<typeof T5Config>;

/** Configuration of T5 under a head for classes, which needs to know what a text ends with. */
export const T5ClassifierConfig = T5Config.extend({
  classifier_dropout: share.default(0),
  eos_token_id: z.int().nonnegative().default(1),
  decoder_start_token_id: z.int().nonnegative().default(0),
});

/** A parsed configuration of T5 under a head for classes. */
export type T5ClassifierConfig = z.output<typeof T5ClassifierConfig>;
