import type { GraphBuilder, Value } from '@neuroprune/onnx';
import type { Architecture, GraphShape, ModelConfig, TokenInputs } from './architecture.js';
import { type TokenShape, tokenShape } from './layers.js';
import type { Params } from './params.js';
import type { Structure } from './structure.js';

/** Keys and values of the tokens before these. */
export interface KeyValueCache {
  /** Number of tokens before these, int64 [1]. */
  readonly length: Value;
  /** Puts the earlier keys or values before new ones, [batch, heads, tokens, size], and hands all on to the next call. */
  extend(name: string, x: Value): Value;
}

/** The source that a decoder reads. */
export interface EncoderOutput {
  /** Hidden states as rows [batch·source, d]; with a cache, those that are not yet in it. */
  readonly rows: Value;
  /** Splits these rows by batch and source. */
  readonly shape: TokenShape;
  /** int64 [batch, source]. */
  readonly mask: Value;
}

/** Inputs of an encoder, int64 [batch, sequence]. */
export interface EncoderInputs {
  readonly inputIds: Value;
  readonly attentionMask: Value;
}

/** Inputs of a decoder. */
export interface DecoderInputs {
  /** int64 [batch, sequence]. */
  readonly inputIds: Value;
  /** int64 [batch, earlier + sequence]; all tokens count when absent. */
  readonly attentionMask?: Value;
  /** int64 [batch, sequence]; tokens stand one after another when absent. */
  readonly positionIds?: Value;
  readonly cache?: KeyValueCache;
}

/** What a decoder made of its tokens. */
export interface Decoded {
  /** Hidden states after the last norm, rows [batch·sequence, width]. */
  readonly rows: Value;
  /** Scores of every word, rows [batch·sequence, vocabulary]. */
  readonly words: () => Value;
}

/** A decoder: each token's logits predict the next token. */
export interface CausalGeneration<C extends ModelConfig> {
  readonly kind: 'causal';
  headSize(c: C): number;
  /** Whether the exported decoder takes `position_ids`. */
  readonly takesPositions: boolean;
  decode(p: Params, inputs: DecoderInputs, c: C, structure: Structure): Decoded;
}

/** An encoder and a decoder that reads it. */
export interface Seq2SeqGeneration<C extends ModelConfig> {
  readonly kind: 'seq2seq';
  headSize(c: C): number;
  /** Layers of the structure that are the encoder's. */
  encoderLayers(c: C): number;
  /** Size of the encoder's hidden states. */
  width(c: C): number;
  /** Builds hidden states as rows [batch·source, width]. */
  encode(p: Params, inputs: EncoderInputs, c: C, structure: Structure): Value;
  /** Builds the logits as rows [batch·sequence, vocabulary]. */
  decode(p: Params, inputs: DecoderInputs, source: EncoderOutput, c: C, structure: Structure): Value;
}

/** How a model writes text. */
export type Generation<C extends ModelConfig> = CausalGeneration<C> | Seq2SeqGeneration<C>;

/** Positions of the tokens of each row one after another, after those in the cache: int64 [sequence]. */
export function positionsOf(builder: GraphBuilder, inputIds: Value, cache?: KeyValueCache): Value {
  const { op } = builder;
  const zero = builder.scalar(0, 'int64');
  const count = op.Squeeze(op.Shape(inputIds, { start: 1, end: 2 }), builder.ints(0));
  const one = builder.scalar(1, 'int64');
  if (!cache) return op.Range(zero, count, one);
  const first = op.Squeeze(cache.length, builder.ints(0));
  return op.Range(first, op.Add(first, count), one);
}

/** How an architecture that only writes text builds its logits [batch, sequence, vocabulary], from the parts that write. */
export function writing<C extends ModelConfig>(
  generation: Generation<C>,
): Pick<Architecture<C>, 'build' | 'tokenTypes' | 'generation'> {
  return {
    generation,
    tokenTypes: () => false,
    build: (p, inputs, c, shape) => tokenLogits(p, inputs, c, shape, generation),
  };
}

function tokenLogits<C extends ModelConfig>(
  p: Params,
  { inputIds, attentionMask, decoderInputIds }: TokenInputs,
  c: C,
  { structure, task, labels }: GraphShape,
  generation: Generation<C>,
): Value {
  if (generation.kind === 'causal') {
    const { rows, words } = generation.decode(p, { inputIds, attentionMask }, c, structure);
    if (task !== 'sequence-classification') return perToken(p, inputIds, words());
    return p.at('score').linear(lastTokens(p.builder, rows, attentionMask), labels, { bias: false });
  }
  if (!decoderInputIds) throw new Error('internal: expected decoder_input_ids of a model that reads an encoder');
  const rows = generation.encode(p, { inputIds, attentionMask }, c, structure);
  const source = { rows, shape: tokenShape(p.builder, inputIds), mask: attentionMask };
  return perToken(p, decoderInputIds, generation.decode(p, { inputIds: decoderInputIds }, source, c, structure));
}

/**
 * Each text's last token that `mask` marks, which has read all of it (transformers `GenericForSequenceClassification`, which
 * finds it by `pad_token_id`). [batch·sequence, d] → [batch, d]
 */
export function lastTokens(builder: GraphBuilder, rows: Value, mask: Value): Value {
  const { op } = builder;
  const [zero, one] = [builder.scalar(0, 'int64'), builder.scalar(1, 'int64')];
  const size = (axis: number) => op.Squeeze(op.Shape(mask, { start: axis, end: axis + 1 }), builder.ints(0));
  const [batch, sequence] = [size(0), size(1)];
  const last = op.ReduceMax(op.Mul(mask, op.Range(zero, sequence, one)), builder.ints(1), { keepdims: 0 });
  return op.Gather(rows, op.Add(op.Mul(op.Range(zero, batch, one), sequence), last));
}

/** Rows [batch·sequence, d] → [batch, sequence, d] */
export function perToken({ op, builder }: Pick<Params, 'op' | 'builder'>, inputIds: Value, rows: Value): Value {
  return op.Reshape(rows, tokenShape(builder, inputIds)(Number(rows.shape?.at(-1))));
}
