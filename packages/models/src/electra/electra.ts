import type { Value } from '@neuroprune/onnx';
import { defineArchitecture, type GraphShape, type TokenInputs } from '../architecture.js';
import { causalEncoder, type Reading } from '../causal-encoder.js';
import { classifier } from '../classifier.js';
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
import { ElectraConfig } from './config.js';

/** Hidden states of every token. [B·S, D] */
function hidden(
  p: Params,
  inputs: EmbeddingInputs,
  c: ElectraConfig,
  structure: Structure,
  { attention, place }: Reading,
): Value {
  const base = p.at('electra');
  let h = embeddings(base.at('embeddings'), inputs, embeddingSizes(c, c.embedding_size), place);
  if (c.embedding_size !== c.hidden_size) h = base.at('embeddings_project').linear(h, c.hidden_size);
  structure.forEach((left, i) => {
    h = encoderLayer(base.at(`encoder.layer.${i}`), h, left, bertPaths, encoderSizes(c), attention(i));
  });
  return h;
}

function build(p: Params, inputs: TokenInputs, c: ElectraConfig, { task, labels, structure }: GraphShape): Value {
  const batch = encoderBatch(p.builder, inputs);
  const attention = selfAttention(batch, encoderSizes(c), bertPaths);
  const h = hidden(p, inputs, c, structure, { attention: () => attention });
  if (task === 'masked-lm') return maskedLmHead(p, h, inputs, lmPaths, lmSizes(c));
  return classifier(p, firstToken(p, h, batch.shape, inputs.packed), {
    width: c.hidden_size,
    labels,
    activation: 'gelu',
    dropout: c.classifier_dropout ?? c.hidden_dropout_prob,
  });
}

const lmPaths = {
  dense: 'generator_predictions.dense',
  norm: 'generator_predictions.LayerNorm',
  decoder: 'generator_lm_head',
  bias: 'generator_lm_head',
  embeddings: 'electra.embeddings.word_embeddings',
};

const lmSizes = (c: ElectraConfig) => ({
  vocabulary: c.vocab_size,
  width: c.embedding_size,
  activation: 'gelu' as const,
  epsilon: c.layer_norm_eps,
  tied: c.tie_word_embeddings,
});

const encoder = defineArchitecture<ElectraConfig>({
  modelType: 'electra',
  classNames: { 'sequence-classification': 'ElectraForSequenceClassification', 'masked-lm': 'ElectraForMaskedLM' },
  config: ElectraConfig,
  legacyNames: [
    [/\.gamma$/, '.weight'],
    [/\.beta$/, '.bias'],
    [/^(?=(embeddings|embeddings_project|encoder)\.)/, 'electra.'], // files saved from the bare `ElectraModel`
  ],
  headNames: [/^classifier\./, /^generator_(predictions|lm_head)\./],
  tokenTypes: () => true,
  structure: (c) => uncut(c.num_hidden_layers, encoderSizes(c)),
  build,
  packs: true,
  prunable: (c) =>
    uncut(c.num_hidden_layers, encoderSizes(c)).map((_, i) =>
      layerGroups(`electra.encoder.layer.${i}`, bertPaths, encoderSizes(c)),
    ),
});

/**
 * ELECTRA with a head for sequence classification, regression or, as a generator, masked words, or as a decoder (Clark et al.
 * 2020; transformers `modeling_electra`).
 */
export const electra = defineArchitecture<ElectraConfig>({
  ...encoder,
  decoder: causalEncoder<ElectraConfig>({
    encoder,
    className: 'ElectraForCausalLM',
    hidden,
    words: (p, rows, c) => wordScores(p, rows, lmPaths, lmSizes(c)),
  }),
});
