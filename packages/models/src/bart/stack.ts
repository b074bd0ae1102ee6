import type { Value } from '@neuroprune/onnx';
import { type AttentionInputs, added, attention, decodingOf } from '../attention.js';
import { type DecoderInputs, type EncoderInputs, type EncoderOutput, positionsOf } from '../generation.js';
import { activations, attentionBias, picked, tokenShape } from '../layers.js';
import type { Params } from '../params.js';
import type { LayerStructure, Structure } from '../structure.js';
import type { SharedConfig } from './config.js';
import { paddedLookup } from './embeddings.js';

/** In what BART and Marian differ. */
export interface Choices {
  readonly positions: (p: Params, positions: Value, c: SharedConfig) => Value;
  /** Whether the embeddings are normalized. */
  readonly norm: boolean;
}

/** The half of a model that reads, or that writes. */
export type Side = 'encoder' | 'decoder';

/** PyTorch's default of `nn.LayerNorm`, which neither changes. */
const EPSILON = 1e-5;

/** Names of an attention's linear layers. */
export const names = { query: 'q_proj', key: 'k_proj', value: 'v_proj', output: 'out_proj' } as const;
/** Heads of each attention of a side. */
export const headsOf = (c: SharedConfig, side: Side) => c[`${side}_attention_heads`];

/** Path of the table of words: that of both sides, and of a decoder without an encoder. */
export const wordsOf = { both: 'model.shared', decoder: 'model.decoder.embed_tokens' } as const;

type Words = (typeof wordsOf)[keyof typeof wordsOf];

const wordTable = (p: Params, path: Words, c: SharedConfig): Value =>
  p.at(path).shared().param('weight', [c.vocab_size, c.d_model]);

/** Words and positions. [B, S] → [B·S, D] */
function embeddings(
  p: Params,
  { side, table }: { readonly side: Side; readonly table: Words },
  inputIds: Value,
  positions: Value,
  c: SharedConfig,
  o: Choices,
): Value {
  const { op, builder } = p;
  const words = paddedLookup(p, wordTable(p, table, c), inputIds, c.pad_token_id);
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

/** Hidden states of the source's tokens. [B·S, D] */
export function encode(p: Params, inputs: EncoderInputs, c: SharedConfig, structure: Structure, o: Choices): Value {
  const { builder } = p;
  const shape = tokenShape(builder, inputs.inputIds);
  const bias = attentionBias(builder, inputs.attentionMask);
  const own = { side: 'encoder', table: wordsOf.both } as const;
  let h = embeddings(p, own, inputs.inputIds, positionsOf(builder, inputs.inputIds), c, o);
  structure.slice(0, c.encoder_layers).forEach((sizes, index) => {
    const layer = p.at(`model.encoder.layers.${index}`);
    const left = { side: 'encoder', count: sizes.heads, dims: sizes.inputDims?.attention } as const;
    h = attentionLayer(layer, 'self_attn', h, { shape, bias, name: '' }, c, left);
    h = feedForward(layer, h, c, sizes);
  });
  return h;
}

/** Hidden states of a text's tokens, whose `layers` read the source where there is one. [B·S, D] */
export function decodeRows(
  p: Params,
  inputs: DecoderInputs,
  source: EncoderOutput | undefined,
  c: SharedConfig,
  layers: Structure,
  o: Choices,
): Value {
  const { builder } = p;
  const side = 'decoder';
  const { shape, bias, positions, cache } = decodingOf(builder, inputs);
  const kept = cache && { cache };
  const seen = source && { shape, bias: attentionBias(builder, source.mask), source, ...kept };
  const table = source ? wordsOf.both : wordsOf.decoder;
  let h = embeddings(p, { side, table }, inputs.inputIds, positions, c, o);
  layers.forEach((sizes, index) => {
    const layer = p.at(`model.decoder.layers.${index}`);
    const own = { shape, bias, name: source ? `${index}.decoder` : `${index}`, ...kept };
    const left = { side, count: sizes.heads, dims: sizes.inputDims?.attention } as const;
    h = attentionLayer(layer, 'self_attn', h, own, c, left);
    const count = sizes.crossHeads ?? headsOf(c, side);
    if (seen) h = attentionLayer(layer, 'encoder_attn', h, { ...seen, name: `${index}.encoder` }, c, { side, count });
    h = feedForward(layer, h, c, sizes);
  });
  return h;
}

/** Scores of every word, by the table of words. [B·S, D] → [B·S, V] */
export const words = (p: Params, h: Value, path: Words, c: SharedConfig): Value =>
  p.op.Gemm(h, wordTable(p, path, c), undefined, { transB: 1 });

/** The layers of the decoder, which come after the encoder's. */
export const behind = (c: SharedConfig, structure: Structure): Structure => structure.slice(c.encoder_layers);
