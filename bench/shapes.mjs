// Models of known shapes with random weights, and batches in which every row is full: what needs no data set and no Hub.
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { architectureOf, buildModel, headOf, parameterTensors, saveModel } from '@neuroprune/models';

const bert = (hidden, layers, heads) => ({
  model_type: 'bert',
  architectures: ['BertForSequenceClassification'],
  vocab_size: 30522,
  hidden_size: hidden,
  num_hidden_layers: layers,
  num_attention_heads: heads,
  intermediate_size: 4 * hidden,
  max_position_embeddings: 512,
  type_vocab_size: 2,
  hidden_act: 'gelu',
  hidden_dropout_prob: 0.1,
  attention_probs_dropout_prob: 0.1,
  initializer_range: 0.02,
  layer_norm_eps: 1e-12,
  pad_token_id: 0,
});

const miniLM = bert(384, 6, 12); // sentence-transformers/all-MiniLM-L6-v2
const t5Small = {
  model_type: 't5',
  architectures: ['T5ForConditionalGeneration'],
  vocab_size: 32128,
  d_model: 512,
  d_kv: 64,
  d_ff: 2048,
  num_layers: 6,
  num_decoder_layers: 6,
  num_heads: 8,
  dropout_rate: 0.1,
  feed_forward_proj: 'relu',
  is_encoder_decoder: true,
  pad_token_id: 0,
  eos_token_id: 1,
  decoder_start_token_id: 0,
};
const opt125m = {
  model_type: 'opt',
  architectures: ['OPTForCausalLM'],
  vocab_size: 50272,
  hidden_size: 768,
  num_hidden_layers: 12,
  num_attention_heads: 12,
  ffn_dim: 3072,
  max_position_embeddings: 2048,
  word_embed_proj_dim: 768,
  do_layer_norm_before: true,
  activation_function: 'relu',
  dropout: 0.1,
  attention_dropout: 0.1, // both sides drop out the same way everywhere
  pad_token_id: 1,
  bos_token_id: 2,
  eos_token_id: 2,
};

/** `kind` says what is learnt; `written`: tokens of a text that is written. */
export const shapes = {
  'bert-tiny': { config: bert(128, 2, 2), kind: 'classes', rows: 8, length: 32 }, // google/bert_uncased_L-2_H-128_A-2
  'minilm-16x64': { config: miniLM, kind: 'classes', rows: 16, length: 64 },
  'minilm-32x128': { config: miniLM, kind: 'classes', rows: 32, length: 128 },
  'bert-base': { config: bert(768, 12, 12), kind: 'classes', rows: 32, length: 128 },
  't5-small': { config: t5Small, kind: 'seq2seq', rows: 16, length: 128, written: 128 },
  'opt-125m': { config: opt125m, kind: 'causal', rows: 16, length: 128 },
};

const tasks = { classes: 'sequence-classification', seq2seq: 'seq2seq-lm', causal: 'causal-lm' };

/** The loss of each kind, in the trainer's words. */
export const losses = { classes: 'crossEntropy', seq2seq: 'tokenCrossEntropy', causal: 'nextTokenCrossEntropy' };

/** Whole numbers below a bound, the same every time: a multiplicative generator (Park & Miller 1988). */
function below(seed) {
  let state = seed;
  return (bound) => {
    state = (state * 48271) % 2147483647;
    return state % bound;
  };
}

/** Numbers from N(0, 0.02²), the sum of four uniform ones; norms are 1, biases 0. */
function initializer() {
  const next = below(1);
  const uniform = () => next(2 ** 30) / 2 ** 30 - 0.5;
  return (name, dims) => {
    const data = new Float32Array(dims.reduce((a, b) => a * b, 1));
    if (/norm\w*\.weight$/i.test(name)) data.fill(1);
    else if (!name.endsWith('.bias'))
      for (let i = 0; i < data.length; i++)
        data[i] = 0.02 * Math.sqrt(3) * (uniform() + uniform() + uniform() + uniform());
    return { dtype: 'float32', dims, data };
  };
}

/** Batches of a shape, every row full; ids start above the special ones. */
export function batchesOf({ config, kind, rows, length, written }, count) {
  const next = below(7);
  const ids = (tokens) => Array.from({ length: rows * tokens }, () => 5 + next(config.vocab_size - 5));
  return Array.from({ length: count }, () => {
    const batch = { rows, length, weights: Array(rows).fill(1), tokens: rows * (length + (written ?? 0)) };
    const inputs = { input_ids: ids(length), attention_mask: Array(rows * length).fill(1) };
    if (kind === 'classes') {
      inputs.token_type_ids = Array(rows * length).fill(0);
      return { ...batch, inputs, labels: Array.from({ length: rows }, () => next(2)) };
    }
    if (kind === 'causal') return { ...batch, inputs, labels: inputs.input_ids };
    inputs.decoder_input_ids = ids(written);
    return { ...batch, lengths: { decoder_sequence: written }, inputs, labels: ids(written) };
  });
}

/** Batches that are made; steps take them again and again. */
const DISTINCT = 8;

/** Fills `folder` with `model/`, `batches.json`, and `small.json` of one short row; returns how large all is. */
export async function prepareShape(shape, folder) {
  const { kind } = shape;
  const architecture = architectureOf(shape.config);
  const config = architecture.config.parse(shape.config);
  const head = headOf(config, kind === 'classes' ? { numLabels: 2 } : undefined);
  const request = { config, labels: head.numLabels, task: tasks[kind] };
  const { model, parameters } = buildModel({ ...request, tensors: new Map(), initialize: initializer() });
  const tensors = parameterTensors(model, parameters);
  await mkdir(path.join(folder, 'model'), { recursive: true });
  await saveModel(path.join(folder, 'model'), { config, head, task: tasks[kind], tensors });
  const small = { ...shape, rows: 1, length: 8, ...(shape.written && { written: 8 }) };
  await writeFile(path.join(folder, 'batches.json'), JSON.stringify(batchesOf(shape, DISTINCT)));
  await writeFile(path.join(folder, 'small.json'), JSON.stringify(batchesOf(small, 1)));
  const count = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
  return {
    parameters: count,
    tokens: shape.rows * (shape.length + (shape.written ?? 0)),
    smallTokens: small.rows * (small.length + (small.written ?? 0)),
  };
}
