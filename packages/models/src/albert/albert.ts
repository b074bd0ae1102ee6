import type { Value } from '@neuroprune/onnx';
import { defineArchitecture, type GraphShape, type TokenInputs } from '../architecture.js';
import {
  type EncoderSizes,
  embeddingSizes,
  embeddings,
  encoderLayer,
  encoderSizes,
  type LayerPaths,
  layerGroups,
  selfAttention,
  uncut,
} from '../encoder.js';
import { encoderBatch, firstToken } from '../layers.js';
import { maskedLmHead } from '../masked-lm.js';
import type { Params } from '../params.js';
import { AlbertConfig } from './config.js';

const paths: LayerPaths = {
  query: 'attention.query',
  key: 'attention.key',
  value: 'attention.value',
  output: 'attention.dense',
  attentionNorm: 'attention.LayerNorm',
  expand: 'ffn',
  contract: 'ffn_output',
  norm: 'full_layer_layer_norm',
};

// transformers drops nothing of what the feed-forward part gives.
const sizesOf = (c: AlbertConfig): EncoderSizes => ({
  ...encoderSizes(c),
  dropout: { attention: c.attention_probs_dropout_prob, output: c.hidden_dropout_prob },
});

/** Paths of the layers that have weights of their own: those of each group in turn. */
const ownLayers = (c: AlbertConfig): string[] =>
  Array.from({ length: c.num_hidden_groups }, (_, group) =>
    Array.from(
      { length: c.inner_group_num },
      (_, inner) => `albert.encoder.albert_layer_groups.${group}.albert_layers.${inner}`,
    ),
  ).flat();

/** Index among `ownLayers` of each layer that a token passes (`AlbertTransformer.forward`). */
const passedLayers = (c: AlbertConfig): number[] =>
  Array.from({ length: c.num_hidden_layers }, (_, i) => {
    const group = Math.floor(i / (c.num_hidden_layers / c.num_hidden_groups));
    return Array.from({ length: c.inner_group_num }, (_, inner) => group * c.inner_group_num + inner);
  }).flat();

function build(p: Params, inputs: TokenInputs, c: AlbertConfig, { task, labels, structure }: GraphShape): Value {
  const base = p.at('albert');
  const e = sizesOf(c);
  const batch = encoderBatch(p.builder, inputs);
  const attention = selfAttention(batch, e, paths);
  const embedded = embeddings(base.at('embeddings'), inputs, embeddingSizes(c, c.embedding_size));
  let h = base.at('encoder.embedding_hidden_mapping_in').linear(embedded, c.hidden_size);
  const layers = ownLayers(c);
  for (const own of passedLayers(c)) {
    const [layer, left] = [layers[own], structure[own]];
    if (layer === undefined || left === undefined) throw new Error(`internal: no layer ${own}`);
    h = encoderLayer(p.shared().at(layer), h, left, paths, e, attention);
  }
  if (task === 'masked-lm') return maskedLmHead(p, h, inputs, lmPaths, lmSizes(c));
  const pooled = p.op.Tanh(base.at('pooler').linear(firstToken(p, h, batch.shape, inputs.packed), c.hidden_size));
  return p.at('classifier').linear(p.op.Dropout(pooled, c.classifier_dropout_prob), labels);
}

const lmPaths = {
  dense: 'predictions.dense',
  norm: 'predictions.LayerNorm',
  decoder: 'predictions.decoder',
  bias: 'predictions',
  embeddings: 'albert.embeddings.word_embeddings',
};

const lmSizes = (c: AlbertConfig) => ({
  vocabulary: c.vocab_size,
  width: c.embedding_size,
  activation: c.hidden_act,
  epsilon: c.layer_norm_eps,
  tied: c.tie_word_embeddings,
});

/**
 * ALBERT with a head for sequence classification, regression or masked words (Lan et al. 2019; transformers
 * `modeling_albert`). Layers share weights, so a structure has a row for each that has its own, and a cut acts wherever it
 * is passed.
 */
export const albert = defineArchitecture<AlbertConfig>({
  modelType: 'albert',
  classNames: { 'sequence-classification': 'AlbertForSequenceClassification', 'masked-lm': 'AlbertForMaskedLM' },
  config: AlbertConfig,
  legacyNames: [
    [/\.gamma$/, '.weight'],
    [/\.beta$/, '.bias'],
    [/^(?=(embeddings|encoder|pooler)\.)/, 'albert.'], // files saved from the bare `AlbertModel`
  ],
  headNames: [/^classifier\./, /^albert\.pooler\./, /^predictions\./],
  tokenTypes: () => true,
  structure: (c) => uncut(ownLayers(c).length, sizesOf(c)),
  build,
  packs: true,
  prunable: (c) => ownLayers(c).map((layer) => layerGroups(layer, paths, sizesOf(c))),
});
