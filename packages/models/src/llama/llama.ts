import type { Value } from '@neuroprune/onnx';
import { type Architecture, defineArchitecture } from '../architecture.js';
import { added, attention, type Decoding, decodingOf } from '../attention.js';
import { type Decoded, type DecoderInputs, writing } from '../generation.js';
import { activations, picked } from '../layers.js';
import type { Params } from '../params.js';
import { heads, neurons, sharedHeads } from '../prunable.js';
import type { LayerStructure, Structure } from '../structure.js';
import { type DecoderConfig, GemmaConfig, LlamaConfig, Qwen2Config, Qwen3Config } from './config.js';
import { type Rotate, rotary } from './rotary.js';

/** In what the members of the family differ. */
interface Choices {
  /** Biases of query, key and value, of the attention's output, and of the feed-forward part. */
  readonly bias: { readonly inner: boolean; readonly output: boolean; readonly mlp: boolean };
  /** Queries and keys are normalized head by head. */
  readonly headNorm: boolean;
  /** Gemma: norms multiply by 1 + weight, and words are multiplied by √width. */
  readonly gemma?: true;
}

const headSize = (c: DecoderConfig) => c.head_dim ?? c.hidden_size / c.num_attention_heads;
const keyHeads = (c: DecoderConfig) => c.num_key_value_heads ?? c.num_attention_heads;
const queriesPerKey = (c: DecoderConfig) => c.num_attention_heads / keyHeads(c);
const names = { query: 'q_proj', key: 'k_proj', value: 'v_proj', output: 'o_proj' } as const;

const norm = (p: Params, h: Value, c: DecoderConfig, { gemma }: Choices): Value =>
  p.rmsNorm(h, c.rms_norm_eps, gemma ? 1 : 0);

/** Every token reads those before it. [B·S, D] → [B·S, D] */
function selfAttention(
  p: Params,
  h: Value,
  { decoding: { shape, bias, cache }, rotate, index }: LayerInputs,
  c: DecoderConfig,
  { heads: count, inputDims }: LayerStructure,
  choices: Choices,
): Value | undefined {
  const x = picked(p, norm(p.at('input_layernorm'), h, c, choices), inputDims?.attention);
  const block = p.at('self_attn');
  const normed = (y: Value, part: string) =>
    choices.headNorm ? block.at(`${part[0]}_norm`).rmsNorm(y, c.rms_norm_eps) : y;
  return attention(
    block,
    x,
    { shape, bias, name: `${index}`, ...(cache && { cache }) },
    {
      heads: count,
      queries: queriesPerKey(c),
      size: headSize(c),
      dropout: c.attention_dropout,
      names,
      bias: choices.bias,
      width: c.hidden_size,
      turn: (y, part) => rotate(normed(y, part)),
    },
  );
}

/** down(act(gate(x)) · up(x)) (Shazeer 2020, eq. 6). [B·S, D] → [B·S, D] */
function feedForward(
  p: Params,
  h: Value,
  c: DecoderConfig,
  { hiddenUnits, inputDims }: LayerStructure,
  choices: Choices,
): Value | undefined {
  const bias = choices.bias.mlp;
  const block = p.at('mlp');
  const x = picked(p, norm(p.at('post_attention_layernorm'), h, c, choices), inputDims?.mlp);
  if (hiddenUnits === 0) return bias ? block.at('down_proj').param('bias', [c.hidden_size]) : undefined;
  const gate = activations[c.hidden_act](p.op, block.at('gate_proj').linear(x, hiddenUnits, { bias }));
  const up = block.at('up_proj').linear(x, hiddenUnits, { bias });
  return block.at('down_proj').linear(p.op.Mul(gate, up), c.hidden_size, { bias });
}

/** What each layer reads. */
interface LayerInputs {
  readonly decoding: Decoding;
  readonly rotate: Rotate;
  readonly index: number;
}

function decode(p: Params, inputs: DecoderInputs, c: DecoderConfig, structure: Structure, choices: Choices): Decoded {
  const { op, builder } = p;
  const decoding = decodingOf(builder, inputs);
  const rotate = rotary(builder, decoding.positions, headSize(c), c);
  const table = p.at('model.embed_tokens').param('weight', [c.vocab_size, c.hidden_size]);
  const read = op.Reshape(op.Gather(table, inputs.inputIds), builder.ints(-1, c.hidden_size)); // [B·S, D]
  let h = choices.gemma ? op.Mul(read, Math.sqrt(c.hidden_size)) : read;
  structure.forEach((sizes, index) => {
    const layer = p.at(`model.layers.${index}`);
    h = added(p, h, selfAttention(layer, h, { decoding, rotate, index }, c, sizes, choices), 0);
    h = added(p, h, feedForward(layer, h, c, sizes, choices), 0);
  });
  const rows = norm(p.at('model.norm'), h, c, choices);
  const words = () =>
    c.tie_word_embeddings
      ? op.Gemm(rows, table, undefined, { transB: 1 })
      : p.at('lm_head').linear(rows, c.vocab_size, { bias: false });
  return { rows, words };
}

/** The classes of a member, by task. */
const classes = (name: string) => ({
  'causal-lm': `${name}ForCausalLM`,
  'sequence-classification': `${name}ForSequenceClassification`,
});

/** What every member of the family declares alike. */
const family = <C extends DecoderConfig>(
  choices: (c: C) => Choices,
): Omit<Architecture<C>, 'modelType' | 'classNames' | 'config'> => ({
  legacyNames: [[/^(?=(embed_tokens|layers|norm)\.)/, 'model.']], // files saved from the bare model
  tiedNames: (c) => (c.tie_word_embeddings ? [['model.embed_tokens.weight', 'lm_head.weight']] : []),
  headNames: [/^score\./],
  structure: (c) =>
    Array.from({ length: c.num_hidden_layers }, () => ({ heads: keyHeads(c), hiddenUnits: c.intermediate_size })),
  ...writing<C>({
    kind: 'causal',
    headSize,
    takesPositions: true,
    decode: (p, inputs, c, structure) => decode(p, inputs, c, structure, choices(c)),
  }),
  prunable: (c) =>
    Array.from({ length: c.num_hidden_layers }, (_, i) => {
      const layer = `model.layers.${i}`;
      const path = (part: keyof typeof names) => `${layer}.self_attn.${names[part]}`;
      const group = heads(keyHeads(c), headSize(c), {
        query: path('query'),
        key: path('key'),
        value: path('value'),
        output: path('output'),
      });
      return {
        layer,
        neurons: neurons(c.intermediate_size, {
          out: [`${layer}.mlp.gate_proj`, `${layer}.mlp.up_proj`],
          in: [`${layer}.mlp.down_proj`],
        }),
        heads: sharedHeads(group, { queries: queriesPerKey(c) }),
      };
    }),
});

/** Llama and what is built like it, SmolLM2 among them (Touvron et al. 2023; transformers `LlamaForCausalLM`). */
export const llama = defineArchitecture<LlamaConfig>({
  modelType: 'llama',
  classNames: classes('Llama'),
  config: LlamaConfig,
  ...family((c) => ({
    bias: { inner: c.attention_bias, output: c.attention_bias, mlp: c.mlp_bias },
    headNorm: false,
  })),
});

/** Qwen2 (transformers `Qwen2ForCausalLM`). */
export const qwen2 = defineArchitecture<Qwen2Config>({
  modelType: 'qwen2',
  classNames: classes('Qwen2'),
  config: Qwen2Config,
  ...family(() => ({ bias: { inner: true, output: false, mlp: false }, headNorm: false })),
});

/** Qwen3 (transformers `Qwen3ForCausalLM`). */
export const qwen3 = defineArchitecture<Qwen3Config>({
  modelType: 'qwen3',
  classNames: classes('Qwen3'),
  config: Qwen3Config,
  ...family((c) => ({
    bias: { inner: c.attention_bias, output: c.attention_bias, mlp: false },
    headNorm: true,
  })),
});

/** Gemma, the first version (transformers `GemmaForCausalLM`). */
export const gemma = defineArchitecture<GemmaConfig>({
  modelType: 'gemma',
  classNames: classes('Gemma'),
  config: GemmaConfig,
  ...family((c) => ({
    bias: { inner: c.attention_bias, output: c.attention_bias, mlp: false },
    headNorm: false,
    gemma: true,
  })),
});
