import type { Value } from '@neuroprune/onnx';
import { defineArchitecture, type GraphShape, type TokenInputs } from '../architecture.js';
import { causalEncoder, type Reading } from '../causal-encoder.js';
import {
  bertPaths,
  type EmbeddingInputs,
  embeddingSizes,
  embeddings,
  encoderLayer,
  encoderSizes,
  layerGroups,
  selfAttention,
  uncut,
} from '../encoder.js';
import { encoderBatch, firstToken } from '../layers.js';
import { maskedLmHead, wordScores } from '../masked-lm.js';
import type { Params } from '../params.js';
import type { Structure } from '../structure.js';
import { BertConfig } from './config.js';

/** Hidden states of every token. [B·S, D] */
function hidden(
  p: Params,
  inputs: EmbeddingInputs,
  c: BertConfig,
  structure: Structure,
  { attention, place }: Reading,
): Value {
  const base = p.at('bert');
  let h = embeddings(base.at('embeddings'), inputs, embeddingSizes(c), place);
  structure.forEach((left, i) => {
    h = encoderLayer(base.at(`encoder.layer.${i}`), h, left, bertPaths, encoderSizes(c), attention(i));
  });
  return h;
}

function build(p: Params, inputs: TokenInputs, c: BertConfig, { task, labels, structure }: GraphShape): Value {
  const batch = encoderBatch(p.builder, inputs);
  const attention = selfAttention(batch, encoderSizes(c), bertPaths);
  const h = hidden(p, inputs, c, structure, { attention: () => attention });
  if (task === 'masked-lm') return maskedLmHead(p, h, inputs, lmPaths, lmSizes(c));
  const first = firstToken(p, h, batch.shape, inputs.packed);
  const pooled = p.op.Tanh(p.at('bert.pooler.dense').linear(first, c.hidden_size));
  return p.at('classifier').linear(p.op.Dropout(pooled, c.classifier_dropout ?? c.hidden_dropout_prob), labels);
}

const lmPaths = {
  dense: 'cls.predictions.transform.dense',
  norm: 'cls.predictions.transform.LayerNorm',
  decoder: 'cls.predictions.decoder',
  bias: 'cls.predictions',
  embeddings: 'bert.embeddings.word_embeddings',
};

const lmSizes = (c: BertConfig) => ({
  vocabulary: c.vocab_size,
  width: c.hidden_size,
  activation: c.hidden_act,
  epsilon: c.layer_norm_eps,
  tied: c.tie_word_embeddings,
});

const encoder = defineArchitecture<BertConfig>({
  modelType: 'bert',
  classNames: { 'sequence-classification': 'BertForSequenceClassification', 'masked-lm': 'BertForMaskedLM' },
  config: BertConfig,
  legacyNames: [
    [/\.gamma$/, '.weight'], // TensorFlow's names of layer normalization
    [/\.beta$/, '.bias'],
    [/^(?=(embeddings|encoder|pooler)\.)/, 'bert.'], // files saved from the bare `BertModel`
  ],
  headNames: [/^classifier\./, /^bert\.pooler\./, /^cls\.predictions\./],
  tokenTypes: () => true,
  structure: (c) => uncut(c.num_hidden_layers, encoderSizes(c)),
  build,
  packs: true,
  prunable: (c) =>
    uncut(c.num_hidden_layers, encoderSizes(c)).map((_, i) =>
      layerGroups(`bert.encoder.layer.${i}`, bertPaths, encoderSizes(c)),
    ),
});

/**
 * BERT with a head for sequence classification, regression or masked words, or as a decoder (Devlin et al. 2018; transformers
 * `modeling_bert`).
 */
export const bert = defineArchitecture<BertConfig>({
  ...encoder,
  decoder: causalEncoder<BertConfig>({
    encoder,
    className: 'BertLMHeadModel',
    hidden,
    words: (p, rows, c) => wordScores(p, rows, lmPaths, lmSizes(c)),
  }),
});
