import { architectureOf, buildModel, headOf, type LoadedModel } from '@neuroprune/models';
import { float32, sizeOf } from '@neuroprune/onnx';

const sizes = {
  vocab_size: 30,
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  intermediate_size: 24,
  max_position_embeddings: 18,
};

/** Configurations of small encoders: 30 words, 4 heads of 4, 24 hidden units. */
const configs = {
  albert: { ...sizes, num_hidden_layers: 3, num_hidden_groups: 2, embedding_size: 8 },
  bert: sizes,
  'deberta-v2': {
    ...sizes,
    relative_attention: true,
    position_buckets: 4,
    max_relative_positions: 8,
    share_att_key: true,
    pos_att_type: ['p2c', 'c2p'],
    norm_rel_ebd: 'layer_norm',
    position_biased_input: false,
  },
  distilbert: { vocab_size: 30, dim: 16, n_layers: 2, n_heads: 4, hidden_dim: 24, max_position_embeddings: 18 },
  electra: { ...sizes, embedding_size: 8 },
  roberta: { ...sizes, type_vocab_size: 1, pad_token_id: 0 },
  'xlm-roberta': { ...sizes, type_vocab_size: 1, pad_token_id: 0 },
};

/** `model_type` of a small encoder. */
export type TinyEncoder = keyof typeof configs;

/** All of them. */
export const tinyEncoders = Object.keys(configs) as TinyEncoder[];

/** A small encoder with two labels, its weights the same every time and none of them zero. */
export function tinyEncoder(type: TinyEncoder): Pick<LoadedModel, 'model' | 'config' | 'head' | 'prunable'> {
  const architecture = architectureOf({ model_type: type });
  const config = architecture.config.parse({ model_type: type, ...configs[type] });
  let drawn = 0;
  const noise = () => ((43758.5453 * Math.sin(12.9898 * ++drawn)) % 1) / 3; // of either sign, the same every time
  const initialize = (name: string, dims: readonly number[]) => {
    const one = /norm\.weight$/i.test(name) ? 1 : 0;
    return float32(
      Float32Array.from({ length: sizeOf(dims) }, () => one + noise()),
      dims,
    );
  };
  const head = headOf(config, { numLabels: 2 });
  const { model } = buildModel({ config, tensors: new Map(), labels: 2, initialize });
  return { model, config, head, prunable: architecture.prunable(config) };
}
