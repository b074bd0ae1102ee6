import type { Value } from '@neuroprune/onnx';
import type { TokenInputs } from './architecture.js';
import { type Activation, absolutePositions, activations, attend, type EncoderBatch, picked } from './layers.js';
import type { Params } from './params.js';
import { heads, neurons, type PrunableGroups } from './prunable.js';
import type { LayerStructure, Structure } from './structure.js';

/** Sizes and rates of an encoder's layers, whatever its configuration calls them. */
export interface EncoderSizes {
  /** Dimensions of a token between layers. */
  readonly width: number;
  readonly heads: number;
  readonly hiddenUnits: number;
  readonly activation: Activation;
  readonly epsilon: number;
  /** Shares that training drops: of attention probabilities, and of what either half of a layer gives (none when absent). */
  readonly dropout: { readonly attention: number; readonly output?: number; readonly mlp?: number };
}

/** The keys, as BERT named them, of a configuration that say its sizes and rates. */
export interface EncoderKeys {
  readonly hidden_size: number;
  readonly num_attention_heads: number;
  readonly intermediate_size: number;
  readonly hidden_act: Activation;
  readonly layer_norm_eps: number;
  readonly attention_probs_dropout_prob: number;
  readonly hidden_dropout_prob: number;
}

/** Sizes of the layers of a configuration that has BERT's keys. */
export const encoderSizes = (c: EncoderKeys): EncoderSizes => ({
  width: c.hidden_size,
  heads: c.num_attention_heads,
  hiddenUnits: c.intermediate_size,
  activation: c.hidden_act,
  epsilon: c.layer_norm_eps,
  dropout: { attention: c.attention_probs_dropout_prob, output: c.hidden_dropout_prob, mlp: c.hidden_dropout_prob },
});

/** Paths inside a layer of its linear maps and norms. */
export interface LayerPaths {
  readonly query: string;
  readonly key: string;
  readonly value: string;
  readonly output: string;
  /** Normalization after the attention. */
  readonly attentionNorm: string;
  /** To the hidden units, and back. */
  readonly expand: string;
  readonly contract: string;
  /** Normalization after the feed-forward part. */
  readonly norm: string;
}

/** The names that BERT gave and most encoders kept. */
export const bertPaths: LayerPaths = {
  query: 'attention.self.query',
  key: 'attention.self.key',
  value: 'attention.self.value',
  output: 'attention.output.dense',
  attentionNorm: 'attention.output.LayerNorm',
  expand: 'intermediate.dense',
  contract: 'output.dense',
  norm: 'output.LayerNorm',
};

/** Dimensions of a head. */
export const headSize = ({ width, heads: count }: EncoderSizes): number => width / count;

/** The sizes of `layers` uncut layers. */
export const uncut = (layers: number, { heads: count, hiddenUnits }: EncoderSizes): Structure =>
  Array.from({ length: layers }, () => ({ heads: count, hiddenUnits }));

/** What may be cut out of the layer at a path. */
export const layerGroups = (layer: string, paths: LayerPaths, e: EncoderSizes): PrunableGroups => {
  const at = (name: 'query' | 'key' | 'value' | 'output' | 'expand' | 'contract') => `${layer}.${paths[name]}`;
  return {
    layer,
    neurons: neurons(e.hiddenUnits, { out: [at('expand')], in: [at('contract')] }),
    heads: heads(e.heads, headSize(e), {
      query: at('query'),
      key: at('key'),
      value: at('value'),
      output: at('output'),
    }),
  };
};

/** Gives the context [B·S, heads·size] of the heads that a layer has left; `x` has the columns that it still reads. */
export type SelfAttention = (p: Params, x: Value, left: LayerStructure) => Value;

/** Every head reads the tokens its batch shows it. */
export const selfAttention =
  (batch: EncoderBatch, e: EncoderSizes, paths: LayerPaths): SelfAttention =>
  (p, x, { heads: count }) => {
    const project = (name: string) => p.at(name).linear(x, count * headSize(e));
    const parts = { q: project(paths.query), k: project(paths.key), v: project(paths.value), bias: batch.bias };
    const sizes = { heads: count, size: headSize(e), dropout: e.dropout.attention };
    return attend(p.builder, batch.shape, parts, sizes, batch.packed);
  };

/** A linear map of `y`, dropped, added to `x` and normalized; without `y` the map's bias alone is left. */
function residual(
  p: Params,
  x: Value,
  y: Value | undefined,
  { dense, norm, dropout }: { readonly dense: string; readonly norm: string; readonly dropout: number | undefined },
  e: EncoderSizes,
): Value {
  const mapped = y ? p.at(dense).linear(y, e.width) : p.at(dense).param('bias', [e.width]);
  const added = y && dropout !== undefined ? p.op.Dropout(mapped, dropout) : mapped;
  return p.at(norm).layerNorm(p.op.Add(x, added), e.epsilon);
}

/** Attention and feed-forward part, each with its residual and normalization after it (Vaswani et al. 2017). [B·S, D] → [B·S, D] */
export function encoderLayer(
  p: Params,
  h: Value,
  left: LayerStructure,
  paths: LayerPaths,
  e: EncoderSizes,
  attention: SelfAttention,
): Value {
  const context = left.heads > 0 ? attention(p, picked(p, h, left.inputDims?.attention), left) : undefined;
  const attended = { dense: paths.output, norm: paths.attentionNorm, dropout: e.dropout.output };
  const x = residual(p, h, context, attended, e);
  const fed = { dense: paths.contract, norm: paths.norm, dropout: e.dropout.mlp };
  if (left.hiddenUnits === 0) return residual(p, x, undefined, fed, e);
  const inner = p.at(paths.expand).linear(picked(p, x, left.inputDims?.mlp), left.hiddenUnits);
  return residual(p, x, activations[e.activation](p.op, inner), fed, e);
}

/** Sizes of an encoder's embeddings. */
export interface EmbeddingSizes {
  readonly vocabulary: number;
  readonly width: number;
  /** Rows of the table of positions. */
  readonly positions: number;
  /** Rows of the table of token types; 0 for none. */
  readonly types: number;
  readonly epsilon: number;
  readonly dropout: number;
}

/** The keys, as BERT named them, of a configuration that say the sizes of its embeddings. */
export interface EmbeddingKeys extends Pick<EncoderKeys, 'hidden_size' | 'layer_norm_eps' | 'hidden_dropout_prob'> {
  readonly vocab_size: number;
  readonly max_position_embeddings: number;
  readonly type_vocab_size: number;
}

/** Sizes of the embeddings, `width` dimensions each, of a configuration that has BERT's keys. */
export const embeddingSizes = (c: EmbeddingKeys, width = c.hidden_size): EmbeddingSizes => ({
  vocabulary: c.vocab_size,
  width,
  positions: c.max_position_embeddings,
  types: c.type_vocab_size,
  epsilon: c.layer_norm_eps,
  dropout: c.hidden_dropout_prob,
});

/** What embeddings are looked up by. */
export type EmbeddingInputs = Pick<TokenInputs, 'inputIds' | 'tokenTypeIds' | 'packed'>;

/** Sum of the tables of words, token types and positions, normalized; `place` picks the rows of positions. [B, S] → [B·S, D] */
export function embeddings(
  p: Params,
  inputs: EmbeddingInputs,
  s: EmbeddingSizes,
  place: (table: Value) => Value = (table) => absolutePositions(p, table, inputs),
): Value {
  const { op, builder } = p;
  const table = (name: string, rows: number) => p.at(name).param('weight', [rows, s.width]);
  const words = op.Gather(table('word_embeddings', s.vocabulary), inputs.inputIds);
  // A model whose tokenizer tells no types apart has the first for every token.
  const types = () => op.Gather(table('token_type_embeddings', s.types), inputs.tokenTypeIds ?? builder.ints(0));
  const typed = s.types > 0 ? op.Add(words, types()) : words;
  const placed = op.Add(typed, place(table('position_embeddings', s.positions)));
  const sum = op.Reshape(placed, builder.ints(-1, s.width));
  return op.Dropout(p.at('LayerNorm').layerNorm(sum, s.epsilon), s.dropout);
}
