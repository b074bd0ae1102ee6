import { codeOf, type GraphBuilder, type Value } from '@neuroprune/onnx';
import { type DecoderInputs, type KeyValueCache, positionsOf } from './generation.js';
import { LOWEST, type TokenShape, tokenShape } from './layers.js';
import type { Params } from './params.js';

/** Sizes and choices of one attention block. */
export interface AttentionOptions {
  /** Key/value heads. */
  readonly heads: number;
  /** Query heads a key/value head; 1 when absent. */
  readonly queries?: number;
  /** Dimensions of a head. */
  readonly size: number;
  /** Factor of the scores; 1/√size when absent. */
  readonly scale?: number;
  /** Share of the probabilities that training drops. */
  readonly dropout: number;
  /** Paths of the four linear layers. */
  readonly names: Readonly<Record<'query' | 'key' | 'value' | 'output', string>>;
  /** Whether query, key and value, and whether the output have a bias. */
  readonly bias: { readonly inner: boolean; readonly output: boolean };
  /** Columns of the result. */
  readonly width: number;
  /** Turns or normalizes heads [batch, heads, tokens, size] before keys are kept. */
  readonly turn?: (x: Value, part: 'query' | 'key') => Value;
}

/** What attention reads. */
export interface AttentionInputs {
  /** Splits query rows. */
  readonly shape: TokenShape;
  /** What is added to scores, [batch or 1, heads or 1, tokens, seen]. */
  readonly bias: Value;
  /** Where keys and values come from, where it is not the queries' rows. */
  readonly source?: { readonly rows: Value; readonly shape: TokenShape };
  readonly cache?: KeyValueCache;
  /** Name of this attention's keys and values in the cache. */
  readonly name: string;
}

/** Projections, attention and output projection; undefined where no head is left and no bias either. */
export function attention(p: Params, x: Value, inputs: AttentionInputs, o: AttentionOptions): Value | undefined {
  const { builder } = p;
  const { heads, queries = 1, size, names, bias } = o;
  if (heads === 0) return bias.output ? p.at(names.output).param('bias', [o.width]) : undefined;
  const { rows, shape } = inputs.source ?? { rows: x, shape: inputs.shape };
  const project = (part: 'query' | 'key' | 'value', from: Value, count: number) =>
    p.at(names[part]).linear(from, count * size, { bias: bias.inner });
  const turn = o.turn ?? ((value: Value) => value);
  const q = turn(
    splitHeads(builder, project('query', x, heads * queries), inputs.shape, heads * queries, size),
    'query',
  );
  const k = turn(splitHeads(builder, project('key', rows, heads), shape, heads, size), 'key');
  const v = splitHeads(builder, project('value', rows, heads), shape, heads, size);
  const context = attendHeads(builder, { q, k, v }, inputs, o);
  return p.at(names.output).linear(context, o.width, { bias: bias.output });
}

/** Rows [batch·tokens, heads·size] → [batch, heads, tokens, size] */
export const splitHeads = ({ op }: GraphBuilder, x: Value, shape: TokenShape, heads: number, size: number): Value =>
  op.Transpose(op.Reshape(x, shape(heads, size)), { perm: [0, 2, 1, 3] });

/** softmax(scale·q·kᵀ + bias)·v over all that the cache holds, as rows [batch·tokens, query heads·size]. */
export function attendHeads(
  builder: GraphBuilder,
  { q, k, v }: Readonly<Record<'q' | 'k' | 'v', Value>>,
  { shape, bias, cache, name }: AttentionInputs,
  {
    heads,
    queries = 1,
    size,
    scale = size ** -0.5,
    dropout,
  }: Pick<AttentionOptions, 'heads' | 'queries' | 'size' | 'scale' | 'dropout'>,
): Value {
  const { op } = builder;
  const [keys, values] = cache ? [cache.extend(`${name}.key`, k), cache.extend(`${name}.value`, v)] : [k, v];
  const scaled = scale === 1 ? q : op.Mul(q, scale);
  const probabilities = (scores: Value, added: Value) =>
    op.Dropout(op.Softmax(op.Add(scores, added), { axis: -1 }), dropout);
  if (queries === 1) {
    const scores = op.MatMul(scaled, op.Transpose(keys, { perm: [0, 1, 3, 2] })); // [B, H, S, T]
    const context = op.MatMul(probabilities(scores, bias), values);
    return op.Reshape(op.Transpose(context, { perm: [0, 2, 1, 3] }), builder.ints(-1, heads * size));
  }
  // Each key/value head serves a group of query heads, an axis of its own: [B, H, G, S, size] against [B, H, 1, T, size].
  const tokens = op.Reshape(op.Transpose(scaled, { perm: [0, 2, 1, 3] }), shape(heads, queries, size));
  const grouped = op.Transpose(tokens, { perm: [0, 2, 3, 1, 4] });
  const alone = (x: Value) => op.Unsqueeze(x, builder.ints(2));
  const scores = op.MatMul(grouped, op.Transpose(alone(keys), { perm: [0, 1, 2, 4, 3] })); // [B, H, G, S, T]
  const context = op.MatMul(probabilities(scores, op.Unsqueeze(bias, builder.ints(1))), alone(values));
  return op.Reshape(op.Transpose(context, { perm: [0, 3, 1, 2, 4] }), builder.ints(-1, heads * queries * size));
}

/** What all layers of a decoder read. */
export interface Decoding {
  readonly shape: TokenShape;
  /** Hides what comes later and padding: [batch, 1, sequence, seen], or [1, 1, sequence, seen] without a mask. */
  readonly bias: Value;
  /** int64 [sequence] or [batch, sequence]. */
  readonly positions: Value;
  /** int64 [sequence] and [seen]: where queries and keys stand in a row. */
  readonly queryPositions: Value;
  readonly keyPositions: Value;
  readonly cache?: KeyValueCache;
}

/** Prepares the inputs of a decoder. */
export function decodingOf(
  builder: GraphBuilder,
  { inputIds, attentionMask, positionIds, cache }: DecoderInputs,
): Decoding {
  const { op } = builder;
  const placed = positionsOf(builder, inputIds, cache);
  const keys = cache ? keyPositions(builder, inputIds, cache) : placed;
  const later = op.Greater(op.Unsqueeze(keys, builder.ints(0)), op.Unsqueeze(placed, builder.ints(1))); // [S, T]
  const hidden = attentionMask
    ? op.Or(op.Unsqueeze(later, builder.ints(0, 1)), op.Unsqueeze(op.Equal(attentionMask, 0), builder.ints(1, 2)))
    : op.Unsqueeze(later, builder.ints(0, 1));
  return {
    shape: tokenShape(builder, inputIds),
    bias: op.Mul(op.Cast(hidden, { to: codeOf('float32') }), LOWEST),
    positions: positionIds ?? placed,
    queryPositions: placed,
    keyPositions: keys,
    ...(cache && { cache }),
  };
}

function keyPositions(builder: GraphBuilder, inputIds: Value, cache: KeyValueCache): Value {
  const { op } = builder;
  const seen = op.Add(cache.length, op.Shape(inputIds, { start: 1, end: 2 }));
  return op.Range(builder.scalar(0, 'int64'), op.Squeeze(seen, builder.ints(0)), builder.scalar(1, 'int64'));
}

/** x + Dropout(y); x where the block is gone. */
export const added = ({ op }: Params, x: Value, y: Value | undefined, dropout: number): Value =>
  y ? op.Add(x, op.Dropout(y, dropout)) : x;
