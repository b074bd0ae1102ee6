/**
 * Operators of ONNX Runtime's own that exported and optimized models carry, with their inputs, attributes and outputs
 * (https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md), in the form of the table `ops`.
 */
import type { Node } from './model.js';
import type { OpSpec } from './ops/spec.js';

/** The domain of ONNX Runtime's operators. */
export const CONTRIB_DOMAIN = 'com.microsoft';

/** Operator → inputs, attributes, outputs. */
export const contribOps = {
  Attention: {
    in: ['x', 'weights', 'bias?', 'mask_index?', 'past?', 'attention_bias?', 'past_sequence_length?'],
    attrs: {
      do_rotary: 'int',
      mask_filter_value: 'float',
      num_heads: 'int!',
      past_present_share_buffer: 'int',
      qkv_hidden_sizes: 'ints',
      rotary_embedding_dim: 'int',
      scale: 'float',
      unidirectional: 'int',
    },
    out: 2,
    outs: [1, 2],
  },
  BiasGelu: { in: ['a', 'b'] },
  EmbedLayerNormalization: {
    in: [
      ...['input_ids', 'segment_ids?', 'word_embedding', 'position_embedding', 'segment_embedding?', 'gamma', 'beta'],
      ...['mask?', 'position_ids?'],
    ],
    attrs: { epsilon: 'float', mask_index_type: 'int' },
    out: 3,
    outs: [2, 3], // ONNX Runtime's shape rule reads the second
  },
  FastGelu: { in: ['x', 'bias?'] },
  FusedMatMul: {
    in: ['a', 'b'],
    attrs: { alpha: 'float', transA: 'int', transB: 'int', transBatchA: 'int', transBatchB: 'int' },
  },
  GroupQueryAttention: {
    in: [
      ...['query', 'key?', 'value?', 'past_key?', 'past_value?', 'seqlens_k', 'total_sequence_length'],
      ...['cos_cache?', 'sin_cache?', 'position_ids?', 'attention_bias?', 'head_sink?', 'k_scale?', 'v_scale?'],
      ...['q_norm_weight?', 'k_norm_weight?'],
    ],
    attrs: {
      causal: 'int',
      do_rotary: 'int',
      k_quant_type: 'string',
      kv_cache_bit_width: 'int',
      kv_num_heads: 'int!',
      local_window_size: 'int',
      num_heads: 'int!',
      qk_norm_epsilon: 'float',
      qk_output: 'int',
      rotary_interleaved: 'int',
      scale: 'float',
      sliding_window_cache: 'int',
      smooth_softmax: 'int',
      softcap: 'float',
      v_quant_type: 'string',
    },
    out: 4,
    outs: [1, 4],
  },
  MultiHeadAttention: {
    in: [
      ...['query', 'key?', 'value?', 'bias?', 'key_padding_mask?', 'attention_bias?', 'past_key?', 'past_value?'],
      ...['past_sequence_length?', 'cache_indirection?'],
    ],
    attrs: { mask_filter_value: 'float', num_heads: 'int!', scale: 'float', unidirectional: 'int' },
    out: 4,
    outs: [1, 4],
  },
  QuickGelu: { in: ['x'], attrs: { alpha: 'float' } },
  RotaryEmbedding: {
    in: ['x', 'position_ids', 'cos_cache', 'sin_cache'],
    attrs: {
      interleaved: 'int',
      is_packed_batching: 'int',
      num_heads: 'int',
      rotary_embedding_dim: 'int',
      scale: 'float',
    },
  },
  SimplifiedLayerNormalization: {
    in: ['x', 'scale'],
    attrs: { axis: 'int', epsilon: 'float', stash_type: 'int' },
    out: 2,
    outs: [1, 2],
  },
  SkipLayerNormalization: {
    in: ['x', 'skip', 'gamma', 'beta?', 'bias?'],
    attrs: { epsilon: 'float' },
    out: 4,
    outs: [1, 4],
  },
  SkipSimplifiedLayerNormalization: {
    in: ['x', 'skip', 'gamma', 'bias?'],
    attrs: { epsilon: 'float' },
    out: 4,
    outs: [1, 4],
  },
} as const satisfies Record<string, OpSpec>;

/** Name of an operator in the table. */
export type ContribType = keyof typeof contribOps;

/**
 * The node's operator where it is one of the table's, else undefined. ONNX Runtime keeps `SimplifiedLayerNormalization` in
 * the domain of ONNX itself.
 */
export function contribType({ domain, opType }: Pick<Node, 'domain' | 'opType'>): ContribType | undefined {
  const isHere = domain === CONTRIB_DOMAIN || (domain === '' && opType === 'SimplifiedLayerNormalization');
  return isHere && Object.hasOwn(contribOps, opType) ? (opType as ContribType) : undefined;
}
