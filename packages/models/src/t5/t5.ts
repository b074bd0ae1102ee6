import type { Value } from '@neuroprune/onnx';
import { type Architecture, defineArchitecture } from '../architecture.js';
import { type AttentionInputs, added, attention, decodingOf } from '../attention.js';
import { classifyByEnd } from '../end-classifier.js';
import { type DecoderInputs, type EncoderInputs, type EncoderOutput, positionsOf, writing } from '../generation.js';
import { activations, attentionBias, picked, tokenShape } from '../layers.js';
import type { Params } from '../params.js';
import { heads, neurons, type PrunableGroups, sharedHeads } from '../prunable.js';
import type { LayerStructure, Structure } from '../structure.js';
import { feedForwards, T5ClassifierConfig, T5Config } from './config.js';
import { relativeBias } from './relative-positions.js';

const decoderLayers = (c: T5Config) => c.num_decoder_layers ?? c.num_layers;
const names = { query: 'q', key: 'k', value: 'v', output: 'o' } as const;

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Which of the uncut heads a layer has. */
const headsOf = ({ heads: count, keptHeads }: LayerStructure) => keptHeads ?? range(count);

/** One attention between norm and residual. [B·S, D] → [B·S, D] */
function attentionLayer(
  p: Params,
  kind: 'SelfAttention' | 'EncDecAttention',
  x: Value,
  inputs: AttentionInputs,
  c: T5Config,
  { count, dims }: { readonly count: number; readonly dims?: readonly number[] | undefined },
): Value {
  const normed = picked(p, p.at('layer_norm').rmsNorm(x, c.layer_norm_epsilon), dims);
  const options = {
    heads: count,
    size: c.d_kv,
    scale: 1, // T5 has no 1/√d; its initialization holds it
    dropout: c.dropout_rate,
    names,
    bias: { inner: false, output: false },
    width: c.d_model,
  };
  return added(p, x, attention(p.at(kind), normed, inputs, options), c.dropout_rate);
}

/** wo(act(wi·x)), or wo(act(wi_0·x)·(wi_1·x)) where it is gated, between norm and residual. [B·S, D] → [B·S, D] */
function feedForward(p: Params, x: Value, c: T5Config, { hiddenUnits, inputDims }: LayerStructure): Value {
  const { activation, gated } = feedForwards[c.feed_forward_proj];
  const normed = picked(p, p.at('layer_norm').rmsNorm(x, c.layer_norm_epsilon), inputDims?.mlp);
  if (hiddenUnits === 0) return x;
  const inner = p.at('DenseReluDense');
  const made = (name: string) => inner.at(name).linear(normed, hiddenUnits, { bias: false });
  const active = activations[activation](p.op, made(gated ? 'wi_0' : 'wi'));
  const units = p.op.Dropout(gated ? p.op.Mul(active, made('wi_1')) : active, c.dropout_rate);
  return added(p, x, inner.at('wo').linear(units, c.d_model, { bias: false }), c.dropout_rate);
}

/** Gives each layer what is added to its scores: the columns of its heads in the table that the stack shares, and the mask. */
function stackBias(
  p: Params,
  c: T5Config,
  structure: Structure,
  positions: { readonly queries: Value; readonly keys: Value },
  bidirectional: boolean,
  mask: Value,
): (layer: LayerStructure) => Value {
  const { op, builder } = p;
  const { relative_attention_num_buckets: count, relative_attention_max_distance: maxDistance } = c;
  const kept = [...new Set(structure.flatMap(headsOf))].sort((a, b) => a - b);
  if (kept.length === 0) return () => mask;
  const path = 'block.0.layer.0.SelfAttention.relative_attention_bias';
  const table = p.at(path).param('weight', [count, kept.length]);
  const all = relativeBias(builder, table, { count, maxDistance, bidirectional }, positions);
  const known = new Map<string, Value>();
  return (layer) => {
    const columns = headsOf(layer).map((head) => kept.indexOf(head));
    const own = columns.length === kept.length ? all : op.Gather(all, builder.ints(...columns), { axis: 1 });
    const value = known.get(columns.join()) ?? op.Add(own, mask);
    known.set(columns.join(), value);
    return value;
  };
}

/** The words of either side, from one table. [B, S] → [B·S, D] */
function embedded(p: Params, inputIds: Value, c: T5Config): { words: Value; h: Value } {
  const { op, builder } = p;
  const words = p.at('shared').shared().param('weight', [c.vocab_size, c.d_model]);
  const rows = op.Reshape(op.Gather(words, inputIds), builder.ints(-1, c.d_model));
  return { words, h: op.Dropout(rows, c.dropout_rate) };
}

const finished = (p: Params, h: Value, c: T5Config): Value =>
  p.op.Dropout(p.at('final_layer_norm').rmsNorm(h, c.layer_norm_epsilon), c.dropout_rate);

function encode(p: Params, { inputIds, attentionMask }: EncoderInputs, c: T5Config, structure: Structure): Value {
  const base = p.at('encoder');
  const layers = structure.slice(0, c.num_layers);
  const positions = positionsOf(p.builder, inputIds);
  const mask = attentionBias(p.builder, attentionMask);
  const biasOf = stackBias(base, c, layers, { queries: positions, keys: positions }, true, mask);
  const shape = tokenShape(p.builder, inputIds);
  let { h } = embedded(p, inputIds, c);
  layers.forEach((sizes, index) => {
    const block = base.at(`block.${index}`);
    const own = { count: sizes.heads, dims: sizes.inputDims?.attention };
    if (own.count > 0)
      h = attentionLayer(block.at('layer.0'), 'SelfAttention', h, { shape, bias: biasOf(sizes), name: '' }, c, own);
    h = feedForward(block.at('layer.1'), h, c, sizes);
  });
  return finished(base, h, c);
}

/** Hidden states of the target's tokens, and the words they are compared with. [B·S, D] */
function decodeRows(
  p: Params,
  inputs: DecoderInputs,
  source: EncoderOutput,
  c: T5Config,
  structure: Structure,
): { words: Value; rows: Value } {
  const { builder } = p;
  const base = p.at('decoder');
  const layers = structure.slice(c.num_layers);
  const decoding = decodingOf(builder, inputs);
  const { shape, queryPositions: queries, keyPositions: keys, cache } = decoding;
  const biasOf = stackBias(base, c, layers, { queries, keys }, false, decoding.bias);
  const bias = attentionBias(builder, source.mask);
  const { words, h: first } = embedded(p, inputs.inputIds, c);
  let h = first;
  layers.forEach((sizes, index) => {
    const block = base.at(`block.${index}`);
    const kept = cache && { cache };
    const own = { shape, bias: biasOf(sizes), name: `${index}.decoder`, ...kept };
    if (sizes.heads > 0)
      h = attentionLayer(block.at('layer.0'), 'SelfAttention', h, own, c, {
        count: sizes.heads,
        dims: sizes.inputDims?.attention,
      });
    const count = sizes.crossHeads ?? c.num_heads;
    const read = { shape, bias, source, name: `${index}.encoder`, ...kept };
    if (count > 0) h = attentionLayer(block.at('layer.1'), 'EncDecAttention', h, read, c, { count });
    h = feedForward(block.at('layer.2'), h, c, sizes);
  });
  return { words, rows: finished(base, h, c) };
}

/** Scores of every word. [B·S, D] → [B·S, V] */
function decode(p: Params, inputs: DecoderInputs, source: EncoderOutput, c: T5Config, structure: Structure): Value {
  const { words, rows } = decodeRows(p, inputs, source, c, structure);
  if (!c.tie_word_embeddings) return p.at('lm_head').linear(rows, c.vocab_size, { bias: false });
  return p.op.Gemm(p.op.Mul(rows, c.d_model ** -0.5), words, undefined, { transB: 1 });
}

function groups(c: T5Config, stack: 'encoder' | 'decoder', index: number, under = ''): PrunableGroups {
  const layer = `${under}${stack}.block.${index}`;
  const attentionGroup = (path: string) =>
    heads(c.num_heads, c.d_kv, {
      query: `${path}.q`,
      key: `${path}.k`,
      value: `${path}.v`,
      output: `${path}.o`,
    });
  const dense = `${layer}.layer.${stack === 'encoder' ? 1 : 2}.DenseReluDense`;
  const { gated } = feedForwards[c.feed_forward_proj];
  return {
    layer,
    neurons: neurons(c.d_ff, {
      out: gated ? [`${dense}.wi_0`, `${dense}.wi_1`] : [`${dense}.wi`],
      in: [`${dense}.wo`],
    }),
    heads: sharedHeads(attentionGroup(`${layer}.layer.0.SelfAttention`), {
      biasTable: `${under}${stack}.block.0.layer.0.SelfAttention.relative_attention_bias.weight`,
    }),
    ...(stack === 'decoder' && { crossHeads: attentionGroup(`${layer}.layer.1.EncDecAttention`) }),
  };
}

type Shared = Pick<Architecture<T5Config>, 'structure' | 'prunable' | 'tokenTypes'>;

/** What holds with and without a head for words; `under` begins the names of all parameters but the head's. */
const shared = (under = ''): Shared => ({
  tokenTypes: () => false,
  structure: (c) => {
    const layer = { heads: c.num_heads, hiddenUnits: c.d_ff };
    return [
      ...range(c.num_layers).map(() => layer),
      ...range(decoderLayers(c)).map(() => ({ ...layer, crossHeads: c.num_heads })),
    ];
  },
  prunable: (c) => [
    ...range(c.num_layers).map((i) => groups(c, 'encoder', i, under)),
    ...range(decoderLayers(c)).map((i) => groups(c, 'decoder', i, under)),
  ],
});

const CLASSIFIES = 'transformer.';

const classifying = defineArchitecture<T5ClassifierConfig>({
  ...shared(CLASSIFIES),
  modelType: 't5',
  classNames: { 'sequence-classification': 'T5ForSequenceClassification' },
  config: T5ClassifierConfig,
  legacyNames: [[/^(?=(shared|encoder|decoder)\.)/, CLASSIFIES]], // files of models that write
  tiedNames: () => [
    [
      `${CLASSIFIES}shared.weight`,
      `${CLASSIFIES}encoder.embed_tokens.weight`,
      `${CLASSIFIES}decoder.embed_tokens.weight`,
    ],
  ],
  headNames: [/^classification_head\./],
  build: (p, inputs, c, { labels, structure }) => {
    const base = p.at('transformer');
    return classifyByEnd(p, inputs, {
      width: c.d_model,
      labels,
      dropout: c.classifier_dropout,
      end: c.eos_token_id,
      start: c.decoder_start_token_id,
      encode: (read) => encode(base, read, c, structure),
      decode: (read, source) => decodeRows(base, read, source, c, structure).rows,
    });
  },
});

/** T5, its version 1.1 and Flan-T5 (Raffel et al. 2020; transformers `T5ForConditionalGeneration`). */
export const t5 = defineArchitecture<T5Config>({
  ...shared(),
  modelType: 't5',
  classNames: { 'seq2seq-lm': 'T5ForConditionalGeneration' },
  config: T5Config,
  legacyNames: [],
  tiedNames: (c) => [
    [
      'shared.weight',
      'encoder.embed_tokens.weight',
      'decoder.embed_tokens.weight',
      ...(c.tie_word_embeddings ? ['lm_head.weight'] : []),
    ],
  ],
  headNames: [],
  ...writing<T5Config>({
    kind: 'seq2seq',
    headSize: (c) => c.d_kv,
    encoderLayers: (c) => c.num_layers,
    width: (c) => c.d_model,
    encode,
    decode,
  }),
  classifier: classifying,
});
