import { codeOf, type Value } from '@neuroprune/onnx';
import { type Architecture, defineArchitecture, type GraphShape, type TokenInputs } from '../architecture.js';
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
import type { DecoderInputs } from '../generation.js';
import { encoderBatch, firstToken } from '../layers.js';
import { maskedLmHead, wordScores } from '../masked-lm.js';
import type { Params } from '../params.js';
import type { Structure } from '../structure.js';
import { RobertaConfig, XlmRobertaConfig } from './config.js';

type Config = RobertaConfig | XlmRobertaConfig;

/** Positions count from padding_idx + 1 and skip padding, which has row padding_idx (`create_position_ids_from_input_ids`). */
function positionIds(
  { op, builder }: Params,
  { inputIds, packed }: Pick<TokenInputs, 'inputIds' | 'packed'>,
  padding: number,
): Value {
  if (packed) return op.Add(packed.positionIds, builder.scalar(padding + 1, 'int64'));
  const real = op.Cast(op.Not(op.Equal(inputIds, builder.scalar(padding, 'int64'))), { to: codeOf('int64') });
  const counted = op.Mul(op.CumSum(real, builder.scalar(1, 'int64')), real);
  return op.Add(counted, builder.scalar(padding, 'int64'));
}

/** Positions that the caller counts from 0 are shifted, so that a text has the same with a cache and without. */
const decoderPositions = (p: Params, inputs: DecoderInputs, { pad_token_id: padding }: Config): Value =>
  inputs.positionIds
    ? p.op.Add(inputs.positionIds, p.builder.scalar(padding + 1, 'int64'))
    : positionIds(p, inputs, padding);

/** Hidden states of every token. [B·S, D] */
function hidden(
  p: Params,
  inputs: EmbeddingInputs,
  c: Config,
  structure: Structure,
  { attention, place }: Reading,
): Value {
  const base = p.at('roberta');
  let h = embeddings(base.at('embeddings'), inputs, embeddingSizes(c), place);
  structure.forEach((left, i) => {
    h = encoderLayer(base.at(`encoder.layer.${i}`), h, left, bertPaths, encoderSizes(c), attention(i));
  });
  return h;
}

function build(p: Params, inputs: TokenInputs, c: Config, { task, labels, structure }: GraphShape): Value {
  const batch = encoderBatch(p.builder, inputs);
  const attention = selfAttention(batch, encoderSizes(c), bertPaths);
  const place = (table: Value) => p.op.Gather(table, positionIds(p, inputs, c.pad_token_id));
  const h = hidden(p, inputs, c, structure, { attention: () => attention, place });
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

/** The form that a family has as a decoder, under this class. */
const asDecoder = <C extends Config>(encoder: Architecture<C>, className: string): Architecture<C> =>
  causalEncoder<C>({
    encoder,
    className,
    hidden,
    words: (p, rows, c) => wordScores(p, rows, lmPaths, lmSizes(c)),
    places: decoderPositions,
  });

const robertaEncoder = defineArchitecture<RobertaConfig>({
  modelType: 'roberta',
  classNames: { 'sequence-classification': 'RobertaForSequenceClassification', 'masked-lm': 'RobertaForMaskedLM' },
  config: RobertaConfig,
  ...shared,
});

/**
 * RoBERTa with a head for sequence classification, regression or masked words, or as a decoder (Liu et al. 2019; transformers
 * `modeling_roberta`).
 */
export const roberta = defineArchitecture<RobertaConfig>({
  ...robertaEncoder,
  decoder: asDecoder(robertaEncoder, 'RobertaForCausalLM'),
});

const xlmRobertaEncoder = defineArchitecture<XlmRobertaConfig>({
  modelType: 'xlm-roberta',
  classNames: {
    'sequence-classification': 'XLMRobertaForSequenceClassification',
    'masked-lm': 'XLMRobertaForMaskedLM',
  },
  config: XlmRobertaConfig,
  ...shared,
});

/** XLM-RoBERTa, RoBERTa over a hundred languages (Conneau et al. 2020; transformers `modeling_xlm_roberta`). */
export const xlmRoberta = defineArchitecture<XlmRobertaConfig>({
  ...xlmRobertaEncoder,
  decoder: asDecoder(xlmRobertaEncoder, 'XLMRobertaForCausalLM'),
});
