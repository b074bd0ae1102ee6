import { codeOf, type GraphBuilder, type OpFunctions, type Value } from '@neuroprune/onnx';
import type { PackedInputs, TokenInputs } from './architecture.js';
import type { Params } from './params.js';

/** Activations by Hugging Face's names (transformers `ACT2FN`). */
export const activations = {
  gelu: (op, x) => op.Gelu(x),
  gelu_new: (op, x) => op.Gelu(x, { approximate: 'tanh' }),
  gelu_pytorch_tanh: (op, x) => op.Gelu(x, { approximate: 'tanh' }),
  relu: (op, x) => op.Relu(x),
  tanh: (op, x) => op.Tanh(x),
  silu: (op, x) => op.Mul(x, op.Sigmoid(x)),
  swish: (op, x) => op.Mul(x, op.Sigmoid(x)),
} as const satisfies Record<string, (op: OpFunctions, x: Value) => Value>;

/** Name of an activation we can write. */
export type Activation = keyof typeof activations;

/** All names of activations. */
export const activationNames = Object.keys(activations) as [Activation, ...Activation[]];

/** Gives the `Reshape` target of packed sequences, [-1, length, …sizes]. */
export const packedShape =
  (builder: GraphBuilder, length: number): TokenShape =>
  (...sizes) =>
    builder.ints(-1, length, ...sizes);

/** Gives the `Reshape` target [batch, sequence, …sizes]; equal ones are one value, so a graph measures its batch once. */
export type TokenShape = (...sizes: number[]) => Value;

/** Targets that split token rows [batch·sequence, …] by batch and sequence, measured on `inputIds` [batch, sequence]. */
export function tokenShape(builder: GraphBuilder, inputIds: Value): TokenShape {
  const extent = builder.op.Shape(inputIds);
  const known = new Map<string, Value>();
  return (...sizes) => {
    const key = sizes.join();
    const value = known.get(key) ?? builder.op.Concat([extent, builder.ints(...sizes)], { axis: 0 });
    known.set(key, value);
    return value;
  };
}

/** Smallest finite float32: a score it is added to becomes exactly 0 in the softmax, and a row of nothing else stays finite. */
export const LOWEST = -3.4028234663852886e38;

/** What is added to attention scores, (1 − mask)·LOWEST [batch, 1, 1, sequence], from an int64 mask [batch, sequence]. */
export function attentionBias(builder: GraphBuilder, mask: Value): Value {
  const { op } = builder;
  const hidden = op.Sub(1, op.Cast(mask, { to: codeOf('float32') }));
  return op.Unsqueeze(op.Mul(hidden, LOWEST), builder.ints(1, 2));
}

/**
 * What is added to attention scores so that each example sees itself alone, [sequences, 1, length, length], from the
 * numbers of the examples: 0 in the blocks of the diagonal, LOWEST elsewhere.
 */
export function packedBias(builder: GraphBuilder, examples: Value, length: number): Value {
  const { op } = builder;
  const numbers = op.Reshape(examples, builder.ints(-1, length));
  const same = op.Equal(op.Unsqueeze(numbers, builder.ints(2)), op.Unsqueeze(numbers, builder.ints(1)));
  const other = op.Sub(1, op.Cast(same, { to: codeOf('float32') }));
  return op.Unsqueeze(op.Mul(other, LOWEST), builder.ints(1));
}

/** Sizes of one attention. */
export interface AttentionSizes {
  readonly heads: number;
  /** Dimensions of a head. */
  readonly size: number;
  /** Share of the probabilities that training drops. */
  readonly dropout: number;
}

/** Packed sequences of attention, whose number no input states: what is dropped and given is seen by `tokens` instead. */
export interface PackedSequences {
  /** Targets that split tokens by the batch and sequence of the inputs. */
  readonly tokens: TokenShape;
  readonly length: number;
}

/** softmax(q·kᵀ/√size + bias)·v, head by head, on rows [batch·sequence, heads·size]; gives rows of the same shape. */
export function attend(
  builder: GraphBuilder,
  shape: TokenShape,
  { q, k, v, bias }: Readonly<Record<'q' | 'k' | 'v' | 'bias', Value>>,
  { heads, size, dropout }: AttentionSizes,
  packed?: PackedSequences,
): Value {
  const { op } = builder;
  const dropped = (x: Value): Value => {
    if (!packed) return op.Dropout(x, dropout);
    const { tokens, length } = packed;
    return op.Reshape(
      op.Dropout(op.Reshape(x, tokens(heads, length)), dropout),
      builder.ints(-1, heads, length, length),
    );
  };
  const split = (x: Value) => op.Transpose(op.Reshape(x, shape(heads, size)), { perm: [0, 2, 1, 3] }); // [B, H, S, size]
  // Scaled and transposed beside the product, which ONNX Runtime takes both into.
  const keys = op.Transpose(split(k), { perm: [0, 1, 3, 2] });
  const scores = op.MatMul(op.Mul(split(q), size ** -0.5), keys); // [B, H, S, S]
  const probabilities = dropped(op.Softmax(op.Add(scores, bias), { axis: -1 }));
  const context = op.MatMul(probabilities, split(v)); // [B, H, S, size]
  const rows = op.Transpose(context, { perm: [0, 2, 1, 3] });
  return op.Reshape(packed ? op.Reshape(rows, packed.tokens(heads * size)) : rows, builder.ints(-1, heads * size));
}

/** What all layers of an encoder read: how to split rows into batch and sequence, and what hides padding. */
export interface EncoderBatch {
  readonly shape: TokenShape;
  /** Added to attention scores. */
  readonly bias: Value;
  readonly packed?: PackedSequences;
}

/** The batch of an encoder whose tokens all see each other. */
export function encoderBatch(builder: GraphBuilder, { inputIds, attentionMask, packed }: TokenInputs): EncoderBatch {
  const tokens = tokenShape(builder, inputIds);
  if (!packed) return { shape: tokens, bias: attentionBias(builder, attentionMask) };
  const { length } = packed;
  const bias = packedBias(builder, attentionMask, length);
  return { shape: packedShape(builder, length), bias, packed: { tokens, length } };
}

/** The columns of `x` that a compacted matrix still reads. */
export const picked = ({ op, builder }: Params, x: Value, dims: readonly number[] | undefined): Value =>
  dims ? op.Gather(x, builder.ints(...dims), { axis: 1 }) : x;

/** Each sentence's first token. [B·S, D] → [B, D] */
export function firstToken({ op, builder }: Params, h: Value, shape: TokenShape, packed?: PackedInputs): Value {
  if (packed) return op.Gather(h, packed.firstTokens);
  const sentences = op.Reshape(h, shape(h.shape?.at(-1) as number)); // [B, S, D]
  const first = op.Slice(sentences, builder.ints(0), builder.ints(1), builder.ints(1)); // [B, 1, D]
  return op.Squeeze(first, builder.ints(1));
}

/** The first S rows of a table of positions [rows, D], or those that packed examples name: [S, D] or [B, S, D]. */
export function absolutePositions(
  { op, builder }: Params,
  table: Value,
  { inputIds, packed }: Pick<TokenInputs, 'inputIds' | 'packed'>,
): Value {
  if (packed) return op.Gather(table, packed.positionIds);
  return op.Slice(table, builder.ints(0), op.Shape(inputIds, { start: 1, end: 2 }), builder.ints(0));
}
