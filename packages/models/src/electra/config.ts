import { z } from 'zod';
import { ModelConfig } from '../architecture.js';
import { bertFields, evenHeads, layers, size, tableFields } from '../config-fields.js';

/** Configuration of ELECTRA, with transformers' defaults (`ElectraConfig`). */
export const ElectraConfig = ModelConfig.extend({
  model_type: z.literal('electra'),
  vocab_size: size.default(30_522),
  embedding_size: size.default(128),
  hidden_size: size.default(256),
  num_hidden_layers: layers.default(12),
  num_attention_heads: size.default(4),
  intermediate_size: size.default(1024),
  ...tableFields,
  ...bertFields,
}).refine(...evenHeads);

/** A parsed ELECTRA configuration. */
export type ElectraConfig = z.output<typeof ElectraConfig>;
