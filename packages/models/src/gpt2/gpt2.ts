import type { Value } from '@neuroprune/onnx';
import { defineArchitecture } from '../architecture.js';
import { added, attendHeads, type Decoding, decodingOf, splitHeads } from '../attention.js';
import { type Decoded, type DecoderInputs, writing } from '../generation.js';
import { activations, picked } from '../layers.js';
import type { Params } from '../params.js';
import type { LinearNames, PrunableGroups } from '../prunable.js';
import type { LayerStructure, Structure } from '../structure.js';
import { Gpt2Config } from './config.js';

const headSize = (c: Gpt2Config) => c.n_embd / c.n_head;
const hiddenUnits = (c: Gpt2Config) => c.n_inner ?? 4 * c.n_embd;

/** Every token reads those before it; one matrix holds query, key and value side by side. [B·S, D] → [B·S, D] */
function attention(
  p: Params,
  x: Value,
  { shape, bias, cache }: Decoding,
  index: number,
  c: Gpt2Config,
  heads: number,
): Value {
  const { op, builder } = p;
  if (heads === 0) return p.at('c_proj').param('bias', [c.n_embd]);
  const size = headSize(c);
  const all = p.at('c_attn').conv1d(x, 3 * heads * size);
  const [q, k, v] = op
    .Split(all, undefined, { axis: -1, num_outputs: 3 })
    .map((part) => splitHeads(builder, part, shape, heads, size)) as [Value, Value, Value];
  const scale = (c.scale_attn_weights ? size ** -0.5 : 1) / (c.scale_attn_by_inverse_layer_idx ? index + 1 : 1);
  const read = { shape, bias, name: `${index}`, ...(cache && { cache }) };
  const context = attendHeads(builder, { q, k, v }, read, { heads, size, scale, dropout: c.attn_pdrop });
  return p.at('c_proj').conv1d(context, c.n_embd);
}

/** Every token by itself. [B·S, D] → [B·S, D] */
function feedForward(p: Params, x: Value, c: Gpt2Config, units: number): Value {
  if (units === 0) return p.at('c_proj').param('bias', [c.n_embd]);
  const inner = activations[c.activation_function](p.op, p.at('c_fc').conv1d(x, units));
  return p.at('c_proj').conv1d(inner, c.n_embd);
}

/** One layer, normalized before either half. [B·S, D] → [B·S, D] */
function block(p: Params, x: Value, decoding: Decoding, index: number, c: Gpt2Config, sizes: LayerStructure): Value {
  const norm = (name: string, y: Value) => p.at(name).layerNorm(y, c.layer_norm_epsilon);
  const seen = picked(p, norm('ln_1', x), sizes.inputDims?.attention);
  const h = added(p, x, attention(p.at('attn'), seen, decoding, index, c, sizes.heads), c.resid_pdrop);
  const read = picked(p, norm('ln_2', h), sizes.inputDims?.mlp);
  return added(p, h, feedForward(p.at('mlp'), read, c, sizes.hiddenUnits), c.resid_pdrop);
}

function decode(p: Params, inputs: DecoderInputs, c: Gpt2Config, structure: Structure): Decoded {
  const { op, builder } = p;
  const decoding = decodingOf(builder, inputs);
  const base = p.at('transformer');
  const words = base.at('wte').param('weight', [c.vocab_size, c.n_embd]);
  const places = base.at('wpe').param('weight', [c.n_positions, c.n_embd]);
  const sum = op.Add(op.Gather(words, inputs.inputIds), op.Gather(places, decoding.positions));
  let h = op.Dropout(op.Reshape(sum, builder.ints(-1, c.n_embd)), c.embd_pdrop); // [B·S, D]
  structure.forEach((sizes, index) => {
    h = block(base.at(`h.${index}`), h, decoding, index, c, sizes);
  });
  const rows = base.at('ln_f').layerNorm(h, c.layer_norm_epsilon);
  return { rows, words: () => op.Gemm(rows, words, undefined, { transB: 1 }) };
}

const conv1d = (path: string): LinearNames => ({ weight: `${path}.weight`, bias: `${path}.bias`, transposed: true });

function groups(layer: string, c: Gpt2Config): PrunableGroups {
  const part = (index: number): LinearNames => ({ ...conv1d(`${layer}.attn.c_attn`), part: { index, of: 3 } });
  return {
    layer,
    neurons: {
      kind: 'neurons',
      count: hiddenUnits(c),
      out: [conv1d(`${layer}.mlp.c_fc`)],
      in: [conv1d(`${layer}.mlp.c_proj`)],
    },
    heads: {
      kind: 'heads',
      count: c.n_head,
      size: headSize(c),
      query: part(0),
      key: part(1),
      value: part(2),
      output: conv1d(`${layer}.attn.c_proj`),
    },
  };
}

/** GPT-2 (Radford et al. 2019; transformers `GPT2LMHeadModel`), its matrices [in, out] as they are stored. */
export const gpt2 = defineArchitecture<Gpt2Config>({
  modelType: 'gpt2',
  classNames: { 'causal-lm': 'GPT2LMHeadModel', 'sequence-classification': 'GPT2ForSequenceClassification' },
  config: Gpt2Config,
  legacyNames: [[/^(?=(wte|wpe|h|ln_f)\.)/, 'transformer.']], // files saved from the bare `GPT2Model`
  tiedNames: () => [['transformer.wte.weight', 'lm_head.weight']],
  headNames: [/^score\./],
  structure: (c) => Array.from({ length: c.n_layer }, () => ({ heads: c.n_head, hiddenUnits: hiddenUnits(c) })),
  ...writing<Gpt2Config>({ kind: 'causal', headSize, takesPositions: true, decode }),
  prunable: (c) => Array.from({ length: c.n_layer }, (_, i) => groups(`transformer.h.${i}`, c)),
});
