import path from 'node:path';
import type { Tensor } from '@neuroprune/onnx';
import type { ModelConfig } from '../src/architecture.js';
import { architectureOf } from '../src/registry.js';
import { tinyTensors } from './tiny.js';

/** Goldens that come with the package: tools/golden/make_encoders.py. */
export const fixtures = path.resolve(import.meta.dirname, '../fixtures');

const sizes = {
  vocab_size: 30,
  hidden_size: 12,
  num_attention_heads: 3,
  intermediate_size: 10,
  max_position_embeddings: 16,
};

const json = {
  albert: { ...sizes, num_hidden_layers: 4, num_hidden_groups: 2, embedding_size: 8 },
  bert: { ...sizes, num_hidden_layers: 2 },
  'deberta-v2': {
    ...sizes,
    num_hidden_layers: 2,
    relative_attention: true,
    position_buckets: 4,
    max_relative_positions: 8,
    share_att_key: true,
    pos_att_type: 'c2p|p2c',
    norm_rel_ebd: 'layer_norm',
    type_vocab_size: 2,
  },
  distilbert: { vocab_size: 30, dim: 12, n_layers: 2, n_heads: 3, hidden_dim: 10, max_position_embeddings: 16 },
  electra: { ...sizes, num_hidden_layers: 2, embedding_size: 8 },
  roberta: { ...sizes, num_hidden_layers: 2, max_position_embeddings: 18, pad_token_id: 0 },
  'xlm-roberta': { ...sizes, num_hidden_layers: 2, max_position_embeddings: 18, pad_token_id: 0 },
} as const;

/** An encoder family, by its `model_type`. */
export type Encoder = keyof typeof json;

/** The encoder families. */
export const encoders = Object.keys(json) as Encoder[];

/** The configuration file of a small model of a family: 2 layers with weights, 3 heads of 4, 10 hidden units, 30 words. */
export const encoderJson = (type: Encoder) => ({ model_type: type, ...json[type] });

/** The same, parsed. */
export const encoderConfig = (type: Encoder, changes: object = {}): ModelConfig =>
  architectureOf({ model_type: type }).config.parse({ ...encoderJson(type), ...changes });

/** Every parameter of such a model, each drawn wide enough to show. */
export const encoderTensors = (type: Encoder, changes: object = {}): Map<string, Tensor<'float32'>> =>
  tinyTensors(encoderConfig(type, changes));
