import type { Value } from '@neuroprune/onnx';
import { type Architecture, defineArchitecture, type GraphShape, type TokenInputs } from '../architecture.js';
import { type AttentionInputs, added, attention, decodingOf } from '../attention.js';
import { classifyByEnd } from '../end-classifier.js';
import { type DecoderInputs, type EncoderInputs, type EncoderOutput, positionsOf, writing } from '../generation.js';
import { activations, attentionBias, picked, tokenShape } from '../layers.js';
import type { Params } from '../params.js';
import { heads, neurons, type PrunableGroups } from '../prunable.js';
import type { LayerStructure, Structure } from '../structure.js';
import { BartConfig, MarianConfig, type SharedConfig } from './config.js';
import { learnedPositions, paddedLookup, sinusoidalPositions } from './embeddings.js';

/** In what BART and Marian differ. */
interface Choices {
  readonly positions: (p: Params, positions: Value, c: SharedConfig) => Value;
  /** Whether the embeddings are normalized. */
  readonly norm: boolean;
}

type Side = 'encoder' | 'decoder';

/** PyTorch's default of `nn.LayerNorm`, which neither changes. */
const EPSILON = 1e-5;

const names = { query: 'q_proj', key: 'k_proj', value: 'v_proj', output: 'out_proj' } as const;
const headsOf = (c: SharedConfig, side: Side) => c[`${side}_attention_heads`];

/** The words of either side, from one table. */
const wordTable = (p: Params, c: SharedConfig): Value =>
  p.at('model.shared').shared().param('weight', [c.vocab_size, c.d_model]);

/** Words and positions. [B, S] → [B·S, D] */
function embeddings(p: Params, side: Side, inputIds: Value, positions: Value, c: SharedConfig, o: Choices): Value {
  const { op, builder } = p;
  const words = paddedLookup(p, wordTable(p, c), inputIds, c.pad_token_id);
  const scaled = c.scale_embedding ? op.Mul(words, Math.sqrt(c.d_model)) : words;
  const base = p.at(`model.${side}`);
  const rows = op.Reshape(op.Add(scaled, o.positions(base, positions, c)), builder.ints(-1, c.d_model));
  return op.Dropout(o.norm ? base.at('layernorm_embedding').layerNorm(rows, EPSILON) : rows, c.dropout);
}

/** Attention, residual, normalization. [B·S, D] → [B·S, D] */
function attentionLayer(
  p: Params,
  name: 'self_attn' | 'encoder_attn',
  x: Value,
  inputs: AttentionInputs,
  c: SharedConfig,
  { side, count, dims }: { readonly side: Side; readonly count: number; readonly dims?: readonly number[] | undefined },
): Value {
  const y = attention(p.at(name), picked(p, x, dims), inputs, {
    heads: count,
    size: c.d_model / headsOf(c, side),
    dropout: c.attention_dropout,
    names,
    bias: { inner: true, output: true },
    width: c.d_model,
  });
  return p.at(`${name}_layer_norm`).layerNorm(added(p, x, y, c.dropout), EPSILON);
}

/** Every token by itself, residual, normalization. [B·S, D] → [B·S, D] */
function feedForward(p: Params, x: Value, c: SharedConfig, { hiddenUnits, inputDims }: LayerStructure): Value {
  const through = () => {
    const inner = p.at('fc1').linear(picked(p, x, inputDims?.mlp), hiddenUnits);
    const active = p.op.Dropout(activations[c.activation_function](p.op, inner), c.activation_dropout);
    return p.at('fc2').linear(active, c.d_model);
  };
  const y = hiddenUnits === 0 ? p.at('fc2').param('bias', [c.d_model]) : through();
  return p.at('final_layer_norm').layerNorm(added(p, x, y, c.dropout), EPSILON);
}

function encode(p: Params, inputs: EncoderInputs, c: SharedConfig, structure: Structure, o: Choices): Value {
  const { builder } = p;
  const shape = tokenShape(builder, inputs.inputIds);
  const bias = attentionBias(builder, inputs.attentionMask);
  let h = embeddings(p, 'encoder', inputs.inputIds, positionsOf(builder, inputs.inputIds), c, o);
  structure.slice(0, c.encoder_layers).forEach((sizes, index) => {
    const layer = p.at(`model.encoder.layers.${index}`);
    const own = { side: 'encoder', count: sizes.heads, dims: sizes.inputDims?.attention } as const;
    h = attentionLayer(layer, 'self_attn', h, { shape, bias, name: '' }, c, own);
    h = feedForward(layer, h, c, sizes);
  });
  return h;
}

/** Hidden states of the target's tokens. [B·S, D] */
function decodeRows(
  p: Params,
  inputs: DecoderInputs,
  source: EncoderOutput,
  c: SharedConfig,
  structure: Structure,
  o: Choices,
): Value {
  const { builder } = p;
  const { shape, bias, positions, cache } = decodingOf(builder, inputs);
  const sourceBias = attentionBias(builder, source.mask);
  const kept = cache && { cache };
  let h = embeddings(p, 'decoder', inputs.inputIds, positions, c, o);
  structure.slice(c.encoder_layers).forEach((sizes, index) => {
    const layer = p.at(`model.decoder.layers.${index}`);
    const side = 'decoder';
    const own = { shape, bias, name: `${index}.decoder`, ...kept };
    h = attentionLayer(layer, 'self_attn', h, own, c, {
      side,
      count: sizes.heads,
      dims: sizes.inputDims?.attention,
    });
    const read = { shape, bias: sourceBias, source, name: `${index}.encoder`, ...kept };
    const count = sizes.crossHeads ?? headsOf(c, side);
    h = attentionLayer(layer, 'encoder_attn', h, read, c, { side, count });
    h = feedForward(layer, h, c, sizes);
  });
  return h;
}

/** Scores of every word. [B·S, D] → [B·S, V] */
function words(p: Params, h: Value, c: SharedConfig): Value {
  const logits = p.op.Gemm(h, wordTable(p, c), undefined, { transB: 1 });
  return p.op.Add(logits, p.buffer('final_logits_bias', [1, c.vocab_size]));
}

const classify = (p: Params, inputs: TokenInputs, c: BartConfig, shape: GraphShape, o: Choices): Value =>
  classifyByEnd(p, inputs, {
    width: c.d_model,
    labels: shape.labels,
    dropout: c.classifier_dropout,
    end: c.eos_token_id,
    start: c.decoder_start_token_id,
    encode: (read) => encode(p, read, c, shape.structure, o),
    decode: (read, source) => decodeRows(p, read, source, c, shape.structure, o),
  });

function groups(c: SharedConfig, side: Side, index: number): PrunableGroups {
  const layer = `model.${side}.layers.${index}`;
  const attentionGroup = (name: string) => {
    const path = (part: keyof typeof names) => `${layer}.${name}.${names[part]}`;
    return heads(headsOf(c, side), c.d_model / headsOf(c, side), {
      query: path('query'),
      key: path('key'),
      value: path('value'),
      output: path('output'),
    });
  };
  return {
    layer,
    neurons: neurons(c[`${side}_ffn_dim`], { out: [`${layer}.fc1`], in: [`${layer}.fc2`] }),
    heads: attentionGroup('self_attn'),
    ...(side === 'decoder' && { crossHeads: attentionGroup('encoder_attn') }),
  };
}

/** One entry a layer, the encoder's first. */
const eachLayer = <T>(c: SharedConfig, of: (side: Side, index: number) => T): T[] =>
  (['encoder', 'decoder'] as const).flatMap((side) =>
    Array.from({ length: c[`${side}_layers`] }, (_, index) => of(side, index)),
  );

const family = <C extends SharedConfig>(o: Choices): Omit<Architecture<C>, 'modelType' | 'classNames' | 'config'> => ({
  legacyNames: [[/^(?=(shared|encoder|decoder)\.)/, 'model.']], // files saved from the bare model
  tiedNames: () => [
    ['model.shared.weight', 'model.encoder.embed_tokens.weight', 'model.decoder.embed_tokens.weight', 'lm_head.weight'],
  ],
  headNames: [],
  structure: (c) =>
    eachLayer(c, (side) => ({
      heads: headsOf(c, side),
      hiddenUnits: c[`${side}_ffn_dim`],
      ...(side === 'decoder' && { crossHeads: headsOf(c, side) }),
    })),
  ...writing<C>({
    kind: 'seq2seq',
    headSize: (c) => c.d_model / c.decoder_attention_heads,
    encoderLayers: (c) => c.encoder_layers,
    width: (c) => c.d_model,
    encode: (p, inputs, c, structure) => encode(p, inputs, c, structure, o),
    decode: (p, inputs, source, c, structure) => words(p, decodeRows(p, inputs, source, c, structure, o), c),
  }),
  prunable: (c) => eachLayer(c, (side, index) => groups(c, side, index)),
});

const choices: Choices = { positions: learnedPositions, norm: true };
const writer = family<BartConfig>(choices);

/** BART (Lewis et al. 2020; transformers `BartForConditionalGeneration`). */
export const bart = defineArchitecture<BartConfig>({
  modelType: 'bart',
  classNames: {
    'seq2seq-lm': 'BartForConditionalGeneration',
    'sequence-classification': 'BartForSequenceClassification',
  },
  config: BartConfig,
  ...writer,
  headNames: [/^classification_head\./],
  build: (p, inputs, c, shape) =>
    shape.task === 'sequence-classification'
      ? classify(p, inputs, c, shape, choices)
      : writer.build(p, inputs, c, shape),
});

/** Marian (Junczys-Dowmunt et al. 2018; transformers `MarianMTModel`). */
export const marian = defineArchitecture<MarianConfig>({
  modelType: 'marian',
  classNames: { 'seq2seq-lm': 'MarianMTModel' },
  config: MarianConfig,
  ...family({ positions: sinusoidalPositions, norm: false }),
});
