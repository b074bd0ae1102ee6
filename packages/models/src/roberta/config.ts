import { z } from 'zod';
import { ModelConfig } from '../architecture.js';
import { bertFields, evenHeads, layers, size, tableFields } from '../config-fields.js';

const schema = <T extends string>(modelType: T) =>
  ModelConfig.extend({
    model_type: z.literal(modelType),
    vocab_size: size,
    hidden_size: size,
    num_hidden_layers: layers,
    num_attention_heads: size,
    intermediate_size: size,
    ...tableFields,
    pad_token_id: z.int().nonnegative().default(1),
    ...bertFields,
  }).refine(...evenHeads);

/** Configuration of RoBERTa, with transformers' defaults (`RobertaConfig`). */
export const RobertaConfig = schema('roberta');

/** A parsed RoBERTa configuration. */
export type RobertaConfig = z.output<typeof RobertaConfig>;

/** Configuration of XLM-RoBERTa, the same under another name (`XLMRobertaConfig`). */
export const XlmRobertaConfig = schema('xlm-roberta');

/** A parsed XLM-RoBERTa configuration. */
export type XlmRobertaConfig = z.output<typeof XlmRobertaConfig>;
