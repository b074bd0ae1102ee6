import { z } from 'zod';
import { ModelConfig } from '../architecture.js';
import { bertFields, evenHeads, layers, size, tableFields } from '../config-fields.js';

/** Configuration of BERT, with transformers' defaults (`BertConfig`) for what older files leave out. */
export const BertConfig = ModelConfig.extend({
  model_type: z.literal('bert'),
  vocab_size: size,
  hidden_size: size,
  num_hidden_layers: layers,
  num_attention_heads: size,
  intermediate_size: size,
  ...tableFields,
  ...bertFields,
}).refine(...evenHeads);

/** A parsed BERT configuration. */
export type BertConfig = z.output<typeof BertConfig>;
