import { z } from 'zod';
import { ModelConfig } from '../architecture.js';
import { layers, share, size } from '../config-fields.js';
import { activationNames } from '../layers.js';

const schema = <T extends string>(modelType: T) =>
  ModelConfig.extend({
    model_type: z.literal(modelType),
    vocab_size: size,
    hidden_size: size,
    num_hidden_layers: layers,
    num_attention_heads: size,
    intermediate_size: size,
    max_position_embeddings: size.default(512),
    type_vocab_size: size.default(2),
    pad_token_id: z.int().nonnegative().default(1),
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

/** Configuration of RoBERTa, with transformers' defaults (`RobertaConfig`). */
export const RobertaConfig = schema('roberta');

/** A parsed RoBERTa configuration. */
export type RobertaConfig = z.output<typeof RobertaConfig>;

/** Configuration of XLM-RoBERTa, the same under another name (`XLMRobertaConfig`). */
export const XlmRobertaConfig = schema('xlm-roberta');

/** A parsed XLM-RoBERTa configuration. */
export type XlmRobertaConfig = z.output<typeof XlmRobertaConfig>;
