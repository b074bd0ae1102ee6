import type { Value } from '@neuroprune/onnx';
import { defineArchitecture, type GraphShape, type TokenInputs } from '../architecture.js';
import {
  bertPaths,
  embeddingSizes,
  embeddings,
  encoderLayer,
  encoderSizes,
  layerGroups,
  selfAttention,
  uncut,
} from '../encoder.js';
import { encoderBatch, firstToken } from '../layers.js';
import { maskedLmHead } from '../masked-lm.js';
import type { Params } from '../params.js';
import { BertConfig } from './config.js';

function build(p: Params, inputs: TokenInputs, c: BertConfig, { task, labels, structure }: GraphShape): Value {
  const base = p.at('bert');
  const e = encoderSizes(c);
  const batch = encoderBatch(p.builder, inputs);
  const attention = selfAttention(batch, e, bertPaths);
  let h = embeddings(base.at('embeddings'), inputs, embeddingSizes(c));
  structure.forEach((left, i) => {
    h = encoderLayer(base.at(`encoder.layer.${i}`), h, left, bertPaths, e, attention);
  });
  if (task === 'masked-lm') return maskedLmHead(p, h, inputs, lmPaths, lmSizes(c));
  const pooled = p.op.Tanh(base.at('pooler.dense').linear(firstToken(p, h, batch.shape, inputs.packed), c.hidden_size));
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

/** BERT with a head for sequence classification, regression or masked words (Devlin et al. 2018; transformers `modeling_bert`). */
export const bert = defineArchitecture<BertConfig>({
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
