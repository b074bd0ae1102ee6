import type { Value } from '@neuroprune/onnx';
import { defineArchitecture, type GraphShape, type TokenInputs } from '../architecture.js';
import {
  type EncoderSizes,
  embeddings,
  encoderLayer,
  type LayerPaths,
  layerGroups,
  selfAttention,
  uncut,
} from '../encoder.js';
import { encoderBatch, firstToken } from '../layers.js';
import { maskedLmHead } from '../masked-lm.js';
import type { Params } from '../params.js';
import { DistilBertConfig } from './config.js';

/** What transformers takes for every normalization of DistilBERT; its configuration has no key for it. */
const EPSILON = 1e-12;

const paths: LayerPaths = {
  query: 'attention.q_lin',
  key: 'attention.k_lin',
  value: 'attention.v_lin',
  output: 'attention.out_lin',
  attentionNorm: 'sa_layer_norm',
  expand: 'ffn.lin1',
  contract: 'ffn.lin2',
  norm: 'output_layer_norm',
};

// What the attention gives is not dropped, other than in BERT.
const sizesOf = (c: DistilBertConfig): EncoderSizes => ({
  width: c.dim,
  heads: c.n_heads,
  hiddenUnits: c.hidden_dim,
  activation: c.activation,
  epsilon: EPSILON,
  dropout: { attention: c.attention_dropout, mlp: c.dropout },
});

const embeddingsOf = (c: DistilBertConfig) => ({
  vocabulary: c.vocab_size,
  width: c.dim,
  positions: c.max_position_embeddings,
  types: 0,
  epsilon: EPSILON,
  dropout: c.dropout,
});

function build(p: Params, inputs: TokenInputs, c: DistilBertConfig, { task, labels, structure }: GraphShape): Value {
  const base = p.at('distilbert');
  const e = sizesOf(c);
  const batch = encoderBatch(p.builder, inputs);
  const attention = selfAttention(batch, e, paths);
  let h = embeddings(base.at('embeddings'), inputs, embeddingsOf(c));
  structure.forEach((left, i) => {
    h = encoderLayer(base.at(`transformer.layer.${i}`), h, left, paths, e, attention);
  });
  if (task === 'masked-lm') return maskedLmHead(p, h, inputs, lmPaths, lmSizes(c));
  const first = firstToken(p, h, batch.shape, inputs.packed);
  const mixed = p.op.Relu(p.at('pre_classifier').linear(first, c.dim));
  return p.at('classifier').linear(p.op.Dropout(mixed, c.seq_classif_dropout), labels);
}

const lmPaths = {
  dense: 'vocab_transform',
  norm: 'vocab_layer_norm',
  decoder: 'vocab_projector',
  bias: 'vocab_projector',
  embeddings: 'distilbert.embeddings.word_embeddings',
};

const lmSizes = (c: DistilBertConfig) => ({
  vocabulary: c.vocab_size,
  width: c.dim,
  activation: c.activation,
  epsilon: EPSILON,
  tied: c.tie_word_embeddings,
});

/** DistilBERT with a head for sequence classification, regression or masked words (Sanh et al. 2019; transformers `modeling_distilbert`). */
export const distilbert = defineArchitecture<DistilBertConfig>({
  modelType: 'distilbert',
  classNames: {
    'sequence-classification': 'DistilBertForSequenceClassification',
    'masked-lm': 'DistilBertForMaskedLM',
  },
  config: DistilBertConfig,
  legacyNames: [
    [/\.gamma$/, '.weight'],
    [/\.beta$/, '.bias'],
    [/^(?=(embeddings|transformer)\.)/, 'distilbert.'], // files saved from the bare `DistilBertModel`
  ],
  headNames: [/^(pre_)?classifier\./, /^vocab_(transform|layer_norm|projector)\./],
  tokenTypes: () => false,
  structure: (c) => uncut(c.n_layers, sizesOf(c)),
  build,
  packs: true,
  prunable: (c) =>
    uncut(c.n_layers, sizesOf(c)).map((_, i) => layerGroups(`distilbert.transformer.layer.${i}`, paths, sizesOf(c))),
});
