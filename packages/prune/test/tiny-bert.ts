import { architectureOf, buildModel, type PrunableGroups } from '@neuroprune/models';
import { float32, type Model, sizeOf } from '@neuroprune/onnx';
import type { Batch } from '@neuroprune/runtime';

/** 2 layers, 4 heads of 4, 24 hidden units, 30 words: a step takes about a millisecond. */
const json = {
  model_type: 'bert',
  vocab_size: 30,
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  intermediate_size: 24,
  max_position_embeddings: 16,
  type_vocab_size: 2,
};

/** Prunable weights of both layers: Q, K, V, O [16, 16], L_in [24, 16], L_out [16, 24]. */
export const tinyWeights = 2 * (4 * 16 * 16 + 2 * 24 * 16);

/** A BERT that is too small to be good at anything, its weights the same every time and none of them zero. */
export function tinyBert(labels = 2): { readonly model: Model; readonly groups: readonly PrunableGroups[] } {
  const architecture = architectureOf(json);
  const config = architecture.config.parse(json);
  let drawn = 0;
  const noise = () => ((43758.5453 * Math.sin(12.9898 * ++drawn)) % 1) / 3; // of either sign, the same every time
  const initialize = (name: string, dims: readonly number[]) => {
    const one = name.endsWith('LayerNorm.weight') ? 1 : 0;
    return float32(
      Float32Array.from({ length: sizeOf(dims) }, () => one + noise()),
      dims,
    );
  };
  const { model } = buildModel({ config, tensors: new Map(), labels, initialize });
  return { model, groups: architecture.prunable(config) };
}

/** An epoch of 8 batches of other lengths; whether word 1 comes early decides a row's class, or its score. */
export function tinyBatches(kind: 'class' | 'score' = 'class'): Batch[] {
  return Array.from({ length: 8 }, (_, b) => {
    const [rows, length] = [4, 4 + (b % 3)];
    const size = rows * length;
    const at = (r: number) => (3 * r + b) % length;
    const ids = Int32Array.from({ length: size }, (_, i) => 2 + ((5 * i + 11 * b) % 28));
    for (let r = 0; r < rows; r++) ids[r * length + at(r)] = 1;
    const early = Array.from({ length: rows }, (_, r) => Number(at(r) < 2));
    return {
      rows,
      length,
      inputs: {
        input_ids: ids,
        attention_mask: new Int32Array(size).fill(1),
        token_type_ids: new Int32Array(size),
      },
      labels: kind === 'class' ? Int32Array.from(early) : Float32Array.from(early, (x) => 3 * x - 0.5),
      weights: Float32Array.from({ length: rows }, (_, r) => Number(b < 7 || r < 3)),
      tokens: size,
    };
  });
}
