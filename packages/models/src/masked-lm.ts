import type { Value } from '@neuroprune/onnx';
import type { TokenInputs } from './architecture.js';
import { perToken } from './generation.js';
import { type Activation, activations } from './layers.js';
import type { Params } from './params.js';

/** Where the parts of a masked language model's head lie, as full paths. */
export interface MaskedLmPaths {
  readonly dense: string;
  readonly norm: string;
  /** Path of the map to the vocabulary, with a weight of its own where it is not tied. */
  readonly decoder: string;
  /** Path whose `bias` is that of the vocabulary. */
  readonly bias: string;
  /** Path of the word embeddings, which the map to the vocabulary shares where it is tied. */
  readonly embeddings: string;
}

/** Sizes of such a head. */
export interface MaskedLmSizes {
  readonly vocabulary: number;
  /** Dimensions of a word embedding. */
  readonly width: number;
  readonly activation: Activation;
  readonly epsilon: number;
  /** Whether the map to the vocabulary is the table of word embeddings. */
  readonly tied: boolean;
}

/** Scores of every word at every token: a map, its activation and normalization, then words. [B·S, D] → [B·S, V] */
export function wordScores(p: Params, h: Value, paths: MaskedLmPaths, s: MaskedLmSizes): Value {
  const mapped = activations[s.activation](p.op, p.at(paths.dense).linear(h, s.width));
  const x = p.at(paths.norm).layerNorm(mapped, s.epsilon);
  const words = p.shared().at(s.tied ? paths.embeddings : paths.decoder);
  const bias = p.at(paths.bias).param('bias', [s.vocabulary]);
  return p.op.Gemm(x, words.param('weight', [s.vocabulary, s.width]), bias, { transB: 1 });
}

/** The same by batch and token. [B·S, D] → [B, S, V] */
export const maskedLmHead = (
  p: Params,
  h: Value,
  { inputIds }: TokenInputs,
  paths: MaskedLmPaths,
  s: MaskedLmSizes,
): Value => perToken(p, inputIds, wordScores(p, h, paths, s));
