import { type Model, type Tensor, writeModel } from '@neuroprune/onnx';
import * as ort from 'onnxruntime-node';
import type { ModelConfig, Task } from '../src/architecture.js';
import { type BuildRequest, buildModel } from '../src/build-model.js';
import { freshParameter } from '../src/initialize.js';
import { parameterTensors } from '../src/load-model.js';
import { architectureOf } from '../src/registry.js';

const rotary = {
  vocab_size: 30,
  hidden_size: 12,
  intermediate_size: 10,
  num_hidden_layers: 2,
  num_attention_heads: 6,
  num_key_value_heads: 3,
  head_dim: 4,
};
const opt = {
  model_type: 'opt',
  vocab_size: 30,
  hidden_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 3,
  ffn_dim: 10,
  activation_function: 'gelu', // ReLU leaves some of so few units unused
  max_position_embeddings: 16,
};
const t5 = { model_type: 't5', vocab_size: 30, d_model: 12, d_kv: 4, d_ff: 10, num_layers: 2, num_heads: 3 };
const bart = {
  vocab_size: 30,
  d_model: 12,
  encoder_layers: 2,
  decoder_layers: 2,
  encoder_attention_heads: 3,
  decoder_attention_heads: 3,
  encoder_ffn_dim: 10,
  decoder_ffn_dim: 10,
  max_position_embeddings: 16,
};

const encoder = {
  vocab_size: 30,
  hidden_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 3,
  intermediate_size: 10,
  max_position_embeddings: 18,
  is_decoder: true,
};
const alone = { ...bart, encoder_layers: 3, is_decoder: true, is_encoder_decoder: false };

/** Configuration files of small models that write text, by name: heads of 4, three of them a layer, 10 hidden units, 30 words. */
export const writers = {
  bart: { ...bart, model_type: 'bart' },
  'bart decoder': { ...alone, model_type: 'bart' },
  'bert decoder': { ...encoder, model_type: 'bert' },
  'electra decoder': { ...encoder, model_type: 'electra', embedding_size: 8 },
  gemma: { ...rotary, model_type: 'gemma' },
  gpt2: { model_type: 'gpt2', vocab_size: 30, n_positions: 16, n_embd: 12, n_layer: 2, n_head: 3, n_inner: 10 },
  llama: { ...rotary, model_type: 'llama' },
  'llama with biases': { ...rotary, model_type: 'llama', attention_bias: true, mlp_bias: true },
  marian: { ...bart, model_type: 'marian', scale_embedding: true, pad_token_id: 29 },
  'marian decoder': { ...alone, model_type: 'marian', scale_embedding: true, pad_token_id: 29 },
  opt,
  'opt, norms behind': { ...opt, do_layer_norm_before: false, word_embed_proj_dim: 8 },
  'opt without biases': { ...opt, enable_bias: false },
  qwen2: { ...rotary, model_type: 'qwen2', tie_word_embeddings: true },
  qwen3: { ...rotary, model_type: 'qwen3' },
  'roberta decoder': { ...encoder, model_type: 'roberta', pad_token_id: 0 },
  t5,
  't5, gated': { ...t5, feed_forward_proj: 'gated-gelu', tie_word_embeddings: false, num_decoder_layers: 1 },
  'xlm-roberta decoder': { ...encoder, model_type: 'xlm-roberta', pad_token_id: 0, tie_word_embeddings: false },
} as const;

/** Name of a small model. */
export type Writer = keyof typeof writers;

/** Its parsed configuration. */
export const writerConfig = (name: Writer, changes: object = {}): ModelConfig =>
  architectureOf(writers[name]).config.parse({ ...writers[name], ...changes });

/** What its logits say. */
export const writerTask = (config: ModelConfig): Task =>
  architectureOf(config).generation?.kind === 'causal' ? 'causal-lm' : 'seq2seq-lm';

/** Its training graph. */
export const writerModel = (config: ModelConfig, rest: Pick<BuildRequest, 'tensors' | 'structure' | 'initialize'>) =>
  buildModel({ config, labels: 0, task: writerTask(config), ...rest });

/** Every parameter of a configuration, drawn wide enough that each one shows in the logits. */
export function writerTensors(config: ModelConfig): Map<string, Tensor<'float32'>> {
  const initialize = (name: string, dims: readonly number[]) =>
    freshParameter(name.replace(/\.(bias|weight)$/, '.$1s'), dims, /norm|ln_/.test(name) ? 1 : 0.5, 5);
  const { model, parameters } = writerModel(config, { tensors: new Map(), initialize });
  return parameterTensors(model, parameters);
}

/** One matrix of token numbers. */
export const ids = (rows: readonly (readonly number[])[]): ort.Tensor =>
  new ort.Tensor('int64', BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]?.length ?? 0]);

/** Three rows of different lengths, padded on the right, and as many targets. */
export const writerBatch = {
  input_ids: ids([
    [3, 7, 11, 2, 9, 4, 1],
    [5, 8, 2, 29, 29, 29, 29],
    [6, 1, 13, 22, 8, 29, 29],
  ]),
  attention_mask: ids([
    [1, 1, 1, 1, 1, 1, 1],
    [1, 1, 1, 0, 0, 0, 0],
    [1, 1, 1, 1, 1, 0, 0],
  ]),
  decoder_input_ids: ids([
    [2, 9, 4, 17, 21],
    [2, 3, 8, 29, 29],
    [2, 14, 6, 5, 29],
  ]),
};

/** Results of a graph in ONNX Runtime on the CPU; inputs that it has not are left out. */
export async function results(
  model: Model,
  inputs: Readonly<Record<string, ort.Tensor>>,
): Promise<Record<string, ort.Tensor>> {
  const session = await ort.InferenceSession.create(writeModel(model));
  const read = Object.entries(inputs).filter(([name]) => session.inputNames.includes(name));
  const outputs = await session.run(Object.fromEntries(read));
  await session.release();
  return { ...outputs };
}

/** The logits among them. */
export const logitsOf = async (model: Model, inputs: Readonly<Record<string, ort.Tensor>>): Promise<number[]> =>
  Array.from((await results(model, inputs)).logits?.data as Float32Array);
