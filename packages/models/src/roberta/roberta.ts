import { codeOf, type Value } from '@neuroprune/onnx';
import { type Architecture, defineArchitecture, type GraphShape, type TokenInputs } from '../architecture.js';
import { classifier } from '../classifier.js';
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
import { RobertaConfig, XlmRobertaConfig } from './config.js';

type Config = RobertaConfig | XlmRobertaConfig;

/** Positions count from padding_idx + 1 and skip padding, which has row padding_idx (`create_position_ids_from_input_ids`). */
function positionIds({ op, builder }: Params, { inputIds, packed }: TokenInputs, padding: number): Value {
  if (packed) return op.Add(packed.positionIds, builder.scalar(padding + 1, 'int64'));
  const real = op.Cast(op.Not(op.Equal(inputIds, builder.scalar(padding, 'int64'))), { to: codeOf('int64') });
  const counted = op.Mul(op.CumSum(real, builder.scalar(1, 'int64')), real);
  return op.Add(counted, builder.scalar(padding, 'int64'));
}

function build(p: Params, inputs: TokenInputs, c: Config, { task, labels, structure }: GraphShape): Value {
  const base = p.at('roberta');
  const e = encoderSizes(c);
  const batch = encoderBatch(p.builder, inputs);
  const attention = selfAttention(batch, e, bertPaths);
  const placed = (table: Value) => p.op.Gather(table, positionIds(p, inputs, c.pad_token_id));
  let h = embeddings(base.at('embeddings'), inputs, embeddingSizes(c), placed);
  structure.forEach((left, i) => {
    h = encoderLayer(base.at(`encoder.layer.${i}`), h, left, bertPaths, e, attention);
  });
  if (task === 'masked-lm') return maskedLmHead(p, h, inputs, lmPaths, lmSizes(c));
  return classifier(p, firstToken(p, h, batch.shape, inputs.packed), {
    width: c.hidden_size,
    labels,
    activation: 'tanh',
    dropout: c.classifier_dropout ?? c.hidden_dropout_prob,
  });
}

const lmPaths = {
  dense: 'lm_head.dense',
  norm: 'lm_head.layer_norm',
  decoder: 'lm_head.decoder',
  bias: 'lm_head',
  embeddings: 'roberta.embeddings.word_embeddings',
};

const lmSizes = (c: Config) => ({
  vocabulary: c.vocab_size,
  width: c.hidden_size,
  activation: 'gelu' as const,
  epsilon: c.layer_norm_eps,
  tied: c.tie_word_embeddings,
});

const shared = {
  legacyNames: [
    [/\.gamma$/, '.weight'],
    [/\.beta$/, '.bias'],
    [/^(?=(embeddings|encoder|pooler)\.)/, 'roberta.'], // files saved from the bare `RobertaModel`
  ],
  headNames: [/^classifier\./, /^lm_head\./],
  // The tokenizer tells no types apart.
  tokenTypes: () => false,
  structure: (c) => uncut(c.num_hidden_layers, encoderSizes(c)),
  build,
  packs: true,
  prunable: (c) =>
    uncut(c.num_hidden_layers, encoderSizes(c)).map((_, i) =>
      layerGroups(`roberta.encoder.layer.${i}`, bertPaths, encoderSizes(c)),
    ),
} satisfies Omit<Architecture<Config>, 'modelType' | 'classNames' | 'config'>;

/** RoBERTa with a head for sequence classification, regression or masked words (Liu et al. 2019; transformers `modeling_roberta`). */
export const roberta = defineArchitecture<RobertaConfig>({
  modelType: 'roberta',
  classNames: { 'sequence-classification': 'RobertaForSequenceClassification', 'masked-lm': 'RobertaForMaskedLM' },
  config: RobertaConfig,
  ...shared,
});

/** XLM-RoBERTa, RoBERTa over a hundred languages (Conneau et al. 2020; transformers `modeling_xlm_roberta`). */
export const xlmRoberta = defineArchitecture<XlmRobertaConfig>({
  modelType: 'xlm-roberta',
  classNames: {
    'sequence-classification': 'XLMRobertaForSequenceClassification',
    'masked-lm': 'XLMRobertaForMaskedLM',
  },
  config: XlmRobertaConfig,
  ...shared,
});
