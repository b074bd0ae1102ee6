import type { Value } from '@neuroprune/onnx';
import { defineArchitecture } from '../architecture.js';
import { added, attention, type Decoding, decodingOf } from '../attention.js';
import { type Decoded, type DecoderInputs, writing } from '../generation.js';
import { activations, picked } from '../layers.js';
import type { Params } from '../params.js';
import { heads, neurons } from '../prunable.js';
import type { LayerStructure, Structure } from '../structure.js';
import { OptConfig } from './config.js';

/** Rows of the position table before that of the first token. */
const OFFSET = 2;

/** PyTorch's default of `nn.LayerNorm`, which OPT does not change. */
const EPSILON = 1e-5;

const headSize = (c: OptConfig) => c.hidden_size / c.num_attention_heads;
const wordSize = (c: OptConfig) => c.word_embed_proj_dim ?? c.hidden_size;
const names = { query: 'q_proj', key: 'k_proj', value: 'v_proj', output: 'out_proj' } as const;

/** Row of the position table for each token: attended tokens are counted, padding has the row before the first. */
function positions({ op, builder }: Params, { inputIds, attentionMask, cache }: DecoderInputs): Value {
  if (!attentionMask) throw new Error('internal: OPT counts its positions on the attention mask');
  const counted = op.Mul(op.CumSum(attentionMask, builder.scalar(1, 'int64')), attentionMask);
  const rows = op.Add(counted, OFFSET - 1);
  if (!cache) return rows;
  const seen = op.Shape(attentionMask, { start: 1, end: 2 });
  const first = op.Sub(seen, op.Shape(inputIds, { start: 1, end: 2 }));
  return op.Slice(rows, first, seen, builder.ints(1));
}

/** Words and positions. [B, S] → [B·S, D] */
function embeddings(p: Params, words: Value, inputs: DecoderInputs, c: OptConfig): Value {
  const { op, builder } = p;
  const rows = op.Reshape(op.Gather(words, inputs.inputIds), builder.ints(-1, wordSize(c)));
  const wide = wordSize(c) === c.hidden_size ? rows : p.at('project_in').linear(rows, c.hidden_size, { bias: false });
  const table = p.at('embed_positions').param('weight', [c.max_position_embeddings + OFFSET, c.hidden_size]);
  const placed = op.Gather(table, positions(p, inputs)); // [B, S, D]
  return op.Add(wide, op.Reshape(placed, builder.ints(-1, c.hidden_size)));
}

/** Every token reads those before it. */
function selfAttention(
  p: Params,
  x: Value,
  { shape, bias, cache }: Decoding,
  index: number,
  c: OptConfig,
  { heads: count, inputDims }: LayerStructure,
): Value | undefined {
  return attention(
    p,
    picked(p, x, inputDims?.attention),
    { shape, bias, name: `${index}`, ...(cache && { cache }) },
    {
      heads: count,
      size: headSize(c),
      dropout: c.attention_dropout,
      names,
      bias: { inner: c.enable_bias, output: c.enable_bias },
      width: c.hidden_size,
    },
  );
}

/** Every token by itself; undefined where nothing is left, not even a bias. */
function feedForward(p: Params, x: Value, c: OptConfig, { hiddenUnits, inputDims }: LayerStructure): Value | undefined {
  const bias = c.enable_bias;
  if (hiddenUnits === 0) return bias ? p.at('fc2').param('bias', [c.hidden_size]) : undefined;
  const inner = p.at('fc1').linear(picked(p, x, inputDims?.mlp), hiddenUnits, { bias });
  return p.at('fc2').linear(activations[c.activation_function](p.op, inner), c.hidden_size, { bias });
}

/** One half of a layer around `f`, normalized before it, or after the sum in the 350m variant. */
function half(p: Params, norm: string, x: Value, c: OptConfig, f: (x: Value) => Value | undefined): Value {
  const normed = (y: Value) => p.at(norm).layerNorm(y, EPSILON);
  if (c.do_layer_norm_before) return added(p, x, f(normed(x)), c.dropout);
  return normed(added(p, x, f(x), c.dropout));
}

function decode(p: Params, inputs: DecoderInputs, c: OptConfig, structure: Structure): Decoded {
  const { op } = p;
  const decoding = decodingOf(p.builder, inputs);
  const base = p.at('model.decoder');
  const words = base.at('embed_tokens').param('weight', [c.vocab_size, wordSize(c)]);
  let h = embeddings(base, words, inputs, c); // [B·S, D]
  structure.forEach((sizes, index) => {
    const layer = base.at(`layers.${index}`);
    const read = (x: Value) => selfAttention(layer.at('self_attn'), x, decoding, index, c, sizes);
    h = half(layer, 'self_attn_layer_norm', h, c, read);
    h = half(layer, 'final_layer_norm', h, c, (x) => feedForward(layer, x, c, sizes));
  });
  if (c.do_layer_norm_before && !c._remove_final_layer_norm) h = base.at('final_layer_norm').layerNorm(h, EPSILON);
  if (wordSize(c) !== c.hidden_size) h = base.at('project_out').linear(h, wordSize(c), { bias: false });
  const rows = h;
  return { rows, words: () => op.Gemm(rows, words, undefined, { transB: 1 }) };
}

/** OPT, the 350m variant with its norms behind and its narrow words included (Zhang et al. 2022; transformers `OPTForCausalLM`). */
export const opt = defineArchitecture<OptConfig>({
  modelType: 'opt',
  classNames: { 'causal-lm': 'OPTForCausalLM', 'sequence-classification': 'OPTForSequenceClassification' },
  config: OptConfig,
  legacyNames: [[/^(?=decoder\.)/, 'model.']], // files saved from the bare `OPTModel`
  tiedNames: () => [['model.decoder.embed_tokens.weight', 'lm_head.weight']],
  headNames: [/^score\./],
  structure: (c) =>
    Array.from({ length: c.num_hidden_layers }, () => ({ heads: c.num_attention_heads, hiddenUnits: c.ffn_dim })),
  ...writing<OptConfig>({ kind: 'causal', headSize, takesPositions: false, decode }),
  prunable: (c) =>
    Array.from({ length: c.num_hidden_layers }, (_, i) => {
      const layer = `model.decoder.layers.${i}`;
      const path = (part: keyof typeof names) => `${layer}.self_attn.${names[part]}`;
      return {
        layer,
        neurons: neurons(c.ffn_dim, { out: [`${layer}.fc1`], in: [`${layer}.fc2`] }),
        heads: heads(c.num_attention_heads, headSize(c), {
          query: path('query'),
          key: path('key'),
          value: path('value'),
          output: path('output'),
        }),
      };
    }),
});
