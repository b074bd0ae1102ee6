import { z } from 'zod';
import { ModelConfig } from '../architecture.js';
import { layers, share, size, withoutSource } from '../config-fields.js';
import { activationNames } from '../layers.js';

const Shared = ModelConfig.extend({
  vocab_size: size,
  d_model: size,
  encoder_layers: layers,
  decoder_layers: layers,
  encoder_attention_heads: size,
  decoder_attention_heads: size,
  encoder_ffn_dim: size,
  decoder_ffn_dim: size,
  max_position_embeddings: size.default(1024),
  activation_function: z.enum(activationNames).default('gelu'),
  dropout: share.default(0.1),
  attention_dropout: share.default(0),
  activation_dropout: share.default(0),
  encoder_layerdrop: z.literal(0).default(0),
  decoder_layerdrop: z.literal(0).default(0),
  scale_embedding: z.boolean().default(false),
  normalize_before: z.literal(false).default(false),
  tie_word_embeddings: z.literal(true).default(true),
  pad_token_id: z.int().nonnegative().default(1),
  ...withoutSource,
});

const divisible = <C extends z.output<typeof Shared>>(schema: z.ZodType<C>) =>
  schema.refine((c) => c.d_model % c.encoder_attention_heads === 0 && c.d_model % c.decoder_attention_heads === 0, {
    path: ['d_model'],
    error: 'expected a multiple of encoder_attention_heads and of decoder_attention_heads',
  });

/** Configuration of BART, with transformers' defaults (`BartConfig`) for what older files leave out. */
export const BartConfig = divisible(
  Shared.extend({
    model_type: z.literal('bart'),
    classifier_dropout: share.default(0),
    eos_token_id: z.int().nonnegative().default(2),
    decoder_start_token_id: z.int().nonnegative().default(2),
  }),
);

/** Configuration of Marian, with transformers' defaults (`MarianConfig`) for what older files leave out. */
export const MarianConfig = divisible(
  Shared.extend({
    model_type: z.literal('marian'),
    pad_token_id: z.int().nonnegative().default(58100),
    scale_embedding: z.boolean().default(false),
    share_encoder_decoder_embeddings: z.literal(true).default(true),
    normalize_embedding: z.literal(false).default(false),
    static_position_embeddings: z.literal(true).default(true),
  }),
);

/** What both configurations share. */
export type SharedConfig = z.output<typeof Shared>;
/** A parsed BART configuration. */
export type BartConfig = z.output<typeof BartConfig>;
/** A parsed Marian configuration. */
export type MarianConfig = z.output<typeof MarianConfig>;
