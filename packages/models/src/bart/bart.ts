import type { Value } from '@neuroprune/onnx';
import { type Architecture, defineArchitecture, type GraphShape, type TokenInputs } from '../architecture.js';
import { classifyByEnd } from '../end-classifier.js';
import { writing } from '../generation.js';
import type { Params } from '../params.js';
import { heads, neurons, type PrunableGroups } from '../prunable.js';
import { BartConfig, MarianConfig, type SharedConfig } from './config.js';
import { learnedPositions, sinusoidalPositions } from './embeddings.js';
import { behind, type Choices, decodeRows, encode, headsOf, names, type Side, words, wordsOf } from './stack.js';

const classify = (p: Params, inputs: TokenInputs, c: BartConfig, shape: GraphShape, o: Choices): Value =>
  classifyByEnd(p, inputs, {
    width: c.d_model,
    labels: shape.labels,
    dropout: c.classifier_dropout,
    end: c.eos_token_id,
    start: c.decoder_start_token_id,
    encode: (read) => encode(p, read, c, shape.structure, o),
    decode: (read, source) => decodeRows(p, read, source, c, behind(c, shape.structure), o),
  });

function groups(c: SharedConfig, side: Side, index: number, reads = side === 'decoder'): PrunableGroups {
  const layer = `model.${side}.layers.${index}`;
  const attentionGroup = (name: string) => {
    const path = (part: keyof typeof names) => `${layer}.${name}.${names[part]}`;
    return heads(headsOf(c, side), c.d_model / headsOf(c, side), {
      query: path('query'),
      key: path('key'),
      value: path('value'),
      output: path('output'),
    });
  };
  return {
    layer,
    neurons: neurons(c[`${side}_ffn_dim`], { out: [`${layer}.fc1`], in: [`${layer}.fc2`] }),
    heads: attentionGroup('self_attn'),
    ...(reads && { crossHeads: attentionGroup('encoder_attn') }),
  };
}

/** One entry a layer, the encoder's first. */
const eachLayer = <T>(c: SharedConfig, of: (side: Side, index: number) => T): T[] =>
  (['encoder', 'decoder'] as const).flatMap((side) =>
    Array.from({ length: c[`${side}_layers`] }, (_, index) => of(side, index)),
  );

const family = <C extends SharedConfig>(o: Choices): Omit<Architecture<C>, 'modelType' | 'classNames' | 'config'> => ({
  legacyNames: [[/^(?=(shared|encoder|decoder)\.)/, 'model.']], // files saved from the bare model
  tiedNames: () => [
    ['model.shared.weight', 'model.encoder.embed_tokens.weight', 'model.decoder.embed_tokens.weight', 'lm_head.weight'],
  ],
  headNames: [],
  structure: (c) =>
    eachLayer(c, (side) => ({
      heads: headsOf(c, side),
      hiddenUnits: c[`${side}_ffn_dim`],
      ...(side === 'decoder' && { crossHeads: headsOf(c, side) }),
    })),
  ...writing<C>({
    kind: 'seq2seq',
    headSize: (c) => c.d_model / c.decoder_attention_heads,
    encoderLayers: (c) => c.encoder_layers,
    width: (c) => c.d_model,
    encode: (p, inputs, c, structure) => encode(p, inputs, c, structure, o),
    decode: (p, inputs, source, c, structure) => {
      const rows = decodeRows(p, inputs, source, c, behind(c, structure), o);
      return p.op.Add(words(p, rows, wordsOf.both, c), p.buffer('final_logits_bias', [1, c.vocab_size]));
    },
  }),
  prunable: (c) => eachLayer(c, (side, index) => groups(c, side, index)),
});

/** The decoder without an encoder, whose texts it goes on with; attentions to an encoder, which its files have too, do nothing. */
const decoderOf = <C extends SharedConfig>(
  o: Choices,
): Omit<Architecture<C>, 'modelType' | 'classNames' | 'config'> => ({
  legacyNames: [[/^(?=decoder\.)/, 'model.']],
  tiedNames: () => [[`${wordsOf.decoder}.weight`, 'lm_head.weight', `${wordsOf.both}.weight`]],
  headNames: [],
  structure: (c) =>
    Array.from({ length: c.decoder_layers }, () => ({
      heads: c.decoder_attention_heads,
      hiddenUnits: c.decoder_ffn_dim,
    })),
  ...writing<C>({
    kind: 'causal',
    headSize: (c) => c.d_model / c.decoder_attention_heads,
    takesPositions: false,
    decode: (p, inputs, c, structure) => {
      const rows = decodeRows(p, inputs, undefined, c, structure, o);
      return { rows, words: () => words(p, rows, wordsOf.decoder, c) };
    },
  }),
  prunable: (c) => Array.from({ length: c.decoder_layers }, (_, index) => groups(c, 'decoder', index, false)),
});

const choices: Choices = { positions: learnedPositions, norm: true };
const writer = family<BartConfig>(choices);
const sines: Choices = { positions: sinusoidalPositions, norm: false };

/** BART (Lewis et al. 2020; transformers `BartForConditionalGeneration`). */
export const bart = defineArchitecture<BartConfig>({
  modelType: 'bart',
  classNames: {
    'seq2seq-lm': 'BartForConditionalGeneration',
    'sequence-classification': 'BartForSequenceClassification',
  },
  config: BartConfig,
  ...writer,
  headNames: [/^classification_head\./],
  build: (p, inputs, c, shape) =>
    shape.task === 'sequence-classification'
      ? classify(p, inputs, c, shape, choices)
      : writer.build(p, inputs, c, shape),
  decoder: defineArchitecture<BartConfig>({
    modelType: 'bart',
    classNames: { 'causal-lm': 'BartForCausalLM' },
    config: BartConfig,
    ...decoderOf(choices),
  }),
});

/** Marian (Junczys-Dowmunt et al. 2018; transformers `MarianMTModel`). */
export const marian = defineArchitecture<MarianConfig>({
  modelType: 'marian',
  classNames: { 'seq2seq-lm': 'MarianMTModel' },
  config: MarianConfig,
  ...family(sines),
  decoder: defineArchitecture<MarianConfig>({
    modelType: 'marian',
    classNames: { 'causal-lm': 'MarianForCausalLM' },
    config: MarianConfig,
    ...decoderOf(sines),
  }),
});
