import type { ContribType } from '../contrib.js';
import type { Decomposition } from './context.js';
import { embedLayerNormalization } from './embedding.js';
import { biasGelu, fastGelu, quickGelu } from './gelu.js';
import { groupQueryAttention } from './group-query.js';
import { fusedMatMul } from './matmul.js';
import { multiHeadAttention, packedAttention } from './multi-head.js';
import { rmsNormalization, skipLayerNormalization, skipSimplifiedLayerNormalization } from './normalization.js';
import { contribRotaryEmbedding } from './rotary.js';

/** Operators of ONNX Runtime's own in terms of ONNX's; one that is missing does not compile. */
export const contribDecompositions: { readonly [K in ContribType]: Decomposition } = {
  Attention: packedAttention,
  BiasGelu: biasGelu,
  EmbedLayerNormalization: embedLayerNormalization,
  FastGelu: fastGelu,
  FusedMatMul: fusedMatMul,
  GroupQueryAttention: groupQueryAttention,
  MultiHeadAttention: multiHeadAttention,
  QuickGelu: quickGelu,
  RotaryEmbedding: contribRotaryEmbedding,
  SimplifiedLayerNormalization: rmsNormalization,
  SkipLayerNormalization: skipLayerNormalization,
  SkipSimplifiedLayerNormalization: skipSimplifiedLayerNormalization,
};
