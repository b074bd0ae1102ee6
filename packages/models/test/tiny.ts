import type { Tensor } from '@neuroprune/onnx';
import type { ModelConfig } from '../src/architecture.js';
import { buildModel } from '../src/build-model.js';
import { freshParameter } from '../src/initialize.js';
import { parameterTensors } from '../src/load-model.js';
import { architectureOf } from '../src/registry.js';

/** A BERT small enough to read: 2 layers, 3 heads of 4, 10 hidden units, 30 words. */
export const tinyJson = {
  model_type: 'bert',
  vocab_size: 30,
  hidden_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 3,
  intermediate_size: 10,
  max_position_embeddings: 16,
  type_vocab_size: 2,
} as const;

/** A parsed configuration, with changes to the tiny one. */
export const tinyConfig = (changes: object = {}): ModelConfig =>
  architectureOf(tinyJson).config.parse({ ...tinyJson, ...changes });

/** Every parameter of a configuration, drawn wide enough that each one shows in the logits. */
export function tinyTensors(config = tinyConfig(), labels = 2): Map<string, Tensor<'float32'>> {
  const initialize = (name: string, dims: readonly number[]) =>
    // Biases are no zeros here: they have to show as well.
    freshParameter(name.replace(/\.(bias|weight)$/, '.$1s'), dims, /(norm|LayerNorm)\.weight$/.test(name) ? 1 : 0.3, 5);
  const { model, parameters } = buildModel({ config, tensors: new Map(), labels, initialize });
  return parameterTensors(model, parameters);
}
