import { architectureOf, buildModel, headOf, type LoadedModel } from '@neuroprune/models';
import { float32, sizeOf } from '@neuroprune/onnx';
import type { Batch } from '@neuroprune/runtime';

const rotary = {
  vocab_size: 30,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  head_dim: 4,
};
const opt = {
  model_type: 'opt',
  vocab_size: 30,
  hidden_size: 16,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  ffn_dim: 24,
  max_position_embeddings: 18,
};
const t5 = {
  model_type: 't5',
  vocab_size: 30,
  d_model: 16,
  d_kv: 4,
  d_ff: 24,
  num_layers: 2,
  num_decoder_layers: 1,
  num_heads: 4,
};
const bart = {
  vocab_size: 30,
  d_model: 16,
  encoder_layers: 1,
  decoder_layers: 1,
  encoder_attention_heads: 4,
  decoder_attention_heads: 4,
  encoder_ffn_dim: 24,
  decoder_ffn_dim: 24,
  max_position_embeddings: 18,
  pad_token_id: 0,
};

/** Configurations of small models that write text: 30 words, 4 heads of 4, which several queries may share, 24 hidden units. */
const configs = {
  bart: { ...bart, model_type: 'bart' },
  gemma: { ...rotary, model_type: 'gemma' },
  gpt2: { model_type: 'gpt2', vocab_size: 30, n_positions: 18, n_embd: 16, n_layer: 2, n_head: 4, n_inner: 24 },
  llama: { ...rotary, model_type: 'llama' },
  marian: { ...bart, model_type: 'marian' },
  opt,
  'opt-350m-style': { ...opt, do_layer_norm_before: false, word_embed_proj_dim: 8 },
  qwen2: { ...rotary, model_type: 'qwen2', tie_word_embeddings: true },
  qwen3: { ...rotary, model_type: 'qwen3' },
  t5,
  't5-v1_1': { ...t5, feed_forward_proj: 'gated-gelu', tie_word_embeddings: false },
};

/** Name of a small model that writes. */
export type TinyWriter = keyof typeof configs;

/** All of them. */
export const tinyWriters = Object.keys(configs) as TinyWriter[];

/** A small model that writes, as it is loaded. */
export type Writer = Pick<LoadedModel, 'model' | 'config' | 'head' | 'prunable' | 'task' | 'buffers'>;

/** A small model that writes text, its weights the same every time and none of them zero. */
export function tinyWriter(name: TinyWriter): Writer {
  const architecture = architectureOf(configs[name]);
  const config = architecture.config.parse(configs[name]);
  let drawn = 0;
  const noise = () => ((43758.5453 * Math.sin(12.9898 * ++drawn)) % 1) / 3; // of either sign, the same every time
  const initialize = (parameter: string, dims: readonly number[]) => {
    const one = /(norm|ln_\w)\.weight$/i.test(parameter) ? 1 : 0;
    return float32(
      Float32Array.from({ length: sizeOf(dims) }, () => one + noise()),
      dims,
    );
  };
  const task = architecture.generation?.kind === 'causal' ? 'causal-lm' : 'seq2seq-lm';
  const { model, buffers } = buildModel({ config, tensors: new Map(), labels: 0, task, initialize });
  return { model, config, head: headOf(config), prunable: architecture.prunable(config), task, buffers };
}

const NO_LABEL = -100;

/** An epoch of 8 batches of other lengths, padded; a text counts on by three, what is written for it counts back. */
export function writerBatches(task: LoadedModel['task'], rows = 4): Batch[] {
  return Array.from({ length: 8 }, (_, b) => {
    const [length, written] = [5 + (b % 3), 4 + (b % 4)];
    const table = (width: number, filler: number, value: (r: number, i: number) => number, short: number) =>
      Int32Array.from({ length: rows * width }, (_, cell) => {
        const [r, i] = [Math.floor(cell / width), cell % width];
        return i < width - (r % short) ? value(r, i) : filler;
      });
    const read = (r: number, i: number) => 2 + ((3 * i + 7 * r + 11 * b) % 28);
    const reply = (r: number, i: number) => 2 + ((28 + read(r, 0) - i) % 28);
    const weights = Float32Array.from({ length: rows }, (_, r) => Number(b < 7 || r < rows - 1));
    const inputs = {
      input_ids: table(length, 0, read, 3),
      attention_mask: table(length, 0, () => 1, 3),
    };
    const common = { rows, length, weights, tokens: rows * length };
    if (task !== 'seq2seq-lm')
      return { ...common, inputs, labels: table(length, NO_LABEL, (r, i) => (i === 0 ? NO_LABEL : read(r, i)), 3) };
    return {
      ...common,
      lengths: { decoder_sequence: written },
      inputs: {
        ...inputs,
        decoder_input_ids: table(written, 0, (r, i) => (i === 0 ? 1 : reply(r, i - 1)), 2),
      },
      labels: table(written, NO_LABEL, reply, 2),
    };
  });
}
