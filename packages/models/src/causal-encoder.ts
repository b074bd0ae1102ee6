import type { Value } from '@neuroprune/onnx';
import { type Architecture, defineArchitecture, type ModelConfig } from './architecture.js';
import { attendHeads, type Decoding, decodingOf, splitHeads } from './attention.js';
import {
  bertPaths,
  type EmbeddingInputs,
  type EncoderKeys,
  type EncoderSizes,
  encoderSizes,
  headSize,
  type SelfAttention,
} from './encoder.js';
import { type DecoderInputs, writing } from './generation.js';
import type { Params } from './params.js';
import type { Structure } from './structure.js';

/** How an encoder's tokens read each other. */
export interface Reading {
  /** The attention of each layer. */
  readonly attention: (layer: number) => SelfAttention;
  /** Picks the rows of the table of positions; those of the first positions when absent. */
  readonly place?: (table: Value) => Value;
}

/** What is particular to an encoder in the form of a decoder. */
export interface CausalEncoder<C extends ModelConfig & EncoderKeys> {
  /** Its other form, whose names, sizes and groups it keeps. */
  readonly encoder: Architecture<C>;
  /** Class of transformers. */
  readonly className: string;
  /** Builds the hidden states of every token. [B·S, D] */
  readonly hidden: (p: Params, inputs: EmbeddingInputs, c: C, s: Structure, reading: Reading) => Value;
  /** Scores of every word, from hidden states. [B·S, D] → [B·S, V] */
  readonly words: (p: Params, rows: Value, c: C) => Value;
  /** Row of the table of positions of each token; its position when absent. */
  readonly places?: (p: Params, inputs: DecoderInputs, c: C) => Value;
}

/**
 * An encoder whose tokens read those before them alone and tell the next word (`is_decoder` of transformers), without token
 * types.
 */
export const causalEncoder = <C extends ModelConfig & EncoderKeys>(of: CausalEncoder<C>): Architecture<C> =>
  defineArchitecture<C>({
    ...of.encoder,
    classNames: { 'causal-lm': of.className },
    packs: false,
    ...writing<C>({
      kind: 'causal',
      headSize: (c) => headSize(encoderSizes(c)),
      takesPositions: true,
      decode: (p, inputs, c, structure) => {
        const decoding = decodingOf(p.builder, inputs);
        const places = of.places?.(p, inputs, c) ?? decoding.positions;
        const rows = of.hidden(p, inputs, c, structure, {
          attention: (layer) => causalAttention(decoding, layer, encoderSizes(c)),
          place: (table) => p.op.Gather(table, places),
        });
        return { rows, words: () => of.words(p, rows, c) };
      },
    }),
  });

/** Every head reads the tokens up to its own, those in the cache among them. */
const causalAttention =
  ({ shape, bias, cache }: Decoding, layer: number, e: EncoderSizes): SelfAttention =>
  (p, x, { heads }) => {
    const size = headSize(e);
    const project = (name: string) => splitHeads(p.builder, p.at(name).linear(x, heads * size), shape, heads, size);
    const parts = { q: project(bertPaths.query), k: project(bertPaths.key), v: project(bertPaths.value) };
    const read = { shape, bias, name: `${layer}`, ...(cache && { cache }) };
    return attendHeads(p.builder, parts, read, { heads, size, dropout: e.dropout.attention });
  };
