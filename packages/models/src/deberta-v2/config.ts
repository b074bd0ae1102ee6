import { z } from 'zod';
import { ModelConfig } from '../architecture.js';
import { evenHeads, layers, share, size } from '../config-fields.js';
import { activationNames } from '../layers.js';

const kinds = ['c2p', 'p2c'] as const;

/** "c2p|p2c", as older files have it, or a list. */
const attentionKinds = z.preprocess(
  (value) =>
    typeof value === 'string'
      ? value
          .toLowerCase()
          .split('|')
          .map((kind) => kind.trim())
      : (value ?? []),
  z.array(z.enum(kinds)),
);

/** Configuration of DeBERTa-v2 and v3, with transformers' defaults (`DebertaV2Config`). */
export const DebertaV2Config = ModelConfig.extend({
  model_type: z.literal('deberta-v2'),
  vocab_size: size.default(128_100),
  hidden_size: size.default(1536),
  num_hidden_layers: layers.default(24),
  num_attention_heads: size.default(24),
  intermediate_size: size.default(6144),
  max_position_embeddings: size.default(512),
  type_vocab_size: z.int().nonnegative().max(10_000_000).default(0),
  hidden_act: z.enum(activationNames).default('gelu'),
  hidden_dropout_prob: share.default(0.1),
  attention_probs_dropout_prob: share.default(0.1),
  cls_dropout: share.nullish(),
  pooler_dropout: share.default(0),
  pooler_hidden_act: z.enum(activationNames).default('gelu'),
  layer_norm_eps: z.number().positive().default(1e-7),
  relative_attention: z.boolean().default(false),
  /** Below 1: `max_position_embeddings`. */
  max_relative_positions: z.int().max(10_000).default(-1),
  /** Below 1: a row for each distance. */
  position_buckets: z.int().max(10_000).default(-1),
  pos_att_type: attentionKinds.default([]),
  share_att_key: z.boolean().default(false),
  position_biased_input: z.boolean().default(true),
  norm_rel_ebd: z.string().default('none'),
  embedding_size: size.optional(),
  /** Tokens that the convolution beside the first layer sees; 0 for none. */
  conv_kernel_size: z.int().nonnegative().max(99).default(0),
  conv_groups: z.literal(1).default(1),
  conv_act: z.enum(activationNames).default('tanh'),
  /** False: the head of masked words under Microsoft's own names. */
  legacy: z.boolean().default(true),
  tie_word_embeddings: z.boolean().default(true),
})
  .refine(...evenHeads)
  .refine((c) => c.conv_kernel_size === 0 || c.conv_kernel_size % 2 === 1, {
    path: ['conv_kernel_size'],
    error: 'expected an odd number, or 0',
  })
  .refine((c) => c.position_buckets < 1 || c.position_buckets % 2 === 0, {
    path: ['position_buckets'],
    error: 'expected an even number',
  })
  .refine((c) => c.position_buckets < 1 || c.position_buckets / 2 < furthest(c) - 1, {
    path: ['position_buckets'],
    error: 'expected less than twice max_relative_positions',
  })
  .refine((c) => !c.relative_attention || c.pos_att_type.length === 0 || c.share_att_key, {
    path: ['share_att_key'],
    error: 'expected true: positions that have maps of their own cannot be cut with a head',
  });

/** The distance from which on all are alike. */
export const furthest = (c: {
  readonly max_relative_positions: number;
  readonly max_position_embeddings: number;
}): number => (c.max_relative_positions < 1 ? c.max_position_embeddings : c.max_relative_positions);

/** A parsed DeBERTa-v2 configuration. */
export type DebertaV2Config = z.output<typeof DebertaV2Config>;
