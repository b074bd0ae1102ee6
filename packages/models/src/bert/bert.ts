import type { GraphBuilder, Value } from '@neuroprune/onnx';
import { defineArchitecture, type GraphShape, type PackedInputs, type TokenInputs } from '../architecture.js';
import {
  activations,
  attend,
  attentionBias,
  type PackedSequences,
  packedBias,
  packedShape,
  type TokenShape,
  tokenShape,
} from '../layers.js';
import type { Params } from '../params.js';
import { heads, neurons } from '../prunable.js';
import type { LayerStructure } from '../structure.js';
import { BertConfig } from './config.js';

/** What all layers read: how to split rows into batch and sequence, and what hides padding. */
interface Batch {
  readonly shape: TokenShape;
  readonly bias: Value;
  readonly packed?: PackedSequences;
}

const headSize = (c: BertConfig) => c.hidden_size / c.num_attention_heads;

/** Sum of the three tables, normalized. [B, S] → [B·S, D] */
function embeddings(p: Params, { inputIds, tokenTypeIds, packed }: TokenInputs, c: BertConfig): Value {
  const { op, builder } = p;
  const table = (name: string, rows: number) => p.at(name).param('weight', [rows, c.hidden_size]);
  const words = op.Gather(table('word_embeddings', c.vocab_size), inputIds);
  const types = op.Gather(table('token_type_embeddings', c.type_vocab_size), tokenTypeIds);
  const positions = table('position_embeddings', c.max_position_embeddings);
  // Position i is row i of the table: the first S rows, the same for every sentence.
  const first = () => op.Slice(positions, builder.ints(0), op.Shape(inputIds, { start: 1, end: 2 }), builder.ints(0));
  const placed = packed ? op.Gather(positions, packed.positionIds) : first(); // [B, S, D] or [S, D]
  const sum = op.Reshape(op.Add(op.Add(words, types), placed), builder.ints(-1, c.hidden_size));
  return op.Dropout(p.at('LayerNorm').layerNorm(sum, c.layer_norm_eps), c.hidden_dropout_prob);
}

/** The columns of `x` that a compacted matrix still reads. */
const picked = ({ op, builder }: Params, x: Value, dims: readonly number[] | undefined): Value =>
  dims ? op.Gather(x, builder.ints(...dims), { axis: 1 }) : x;

/** Dropout, residual, normalization: what follows either half of a layer. `y` undefined: only the bias is left. */
function residual(p: Params, y: Value | undefined, x: Value, c: BertConfig): Value {
  const added = y
    ? p.op.Dropout(p.at('dense').linear(y, c.hidden_size), c.hidden_dropout_prob)
    : p.at('dense').param('bias', [c.hidden_size]);
  return p.at('LayerNorm').layerNorm(p.op.Add(x, added), c.layer_norm_eps);
}

/** Every token reads the others. [B·S, D] → [B·S, D] */
function attention(p: Params, h: Value, batch: Batch, c: BertConfig, { heads, inputDims }: LayerStructure): Value {
  if (heads === 0) return residual(p.at('output'), undefined, h, c);
  const size = headSize(c);
  const x = picked(p, h, inputDims?.attention);
  const project = (name: string) => p.at(`self.${name}`).linear(x, heads * size);
  const parts = { q: project('query'), k: project('key'), v: project('value'), bias: batch.bias };
  const sizes = { heads, size, dropout: c.attention_probs_dropout_prob };
  const context = attend(p.builder, batch.shape, parts, sizes, batch.packed);
  return residual(p.at('output'), context, h, c);
}

/** Every token by itself. [B·S, D] → [B·S, D] */
function feedForward(p: Params, h: Value, c: BertConfig, { hiddenUnits, inputDims }: LayerStructure): Value {
  if (hiddenUnits === 0) return residual(p.at('output'), undefined, h, c);
  const inner = p.at('intermediate.dense').linear(picked(p, h, inputDims?.mlp), hiddenUnits);
  return residual(p.at('output'), activations[c.hidden_act](p.op, inner), h, c);
}

/** tanh of a linear map of each sentence's first token. [B·S, D] → [B, D] */
function pooled(p: Params, h: Value, shape: TokenShape, c: BertConfig, packed?: PackedInputs): Value {
  const { op, builder } = p;
  const dense = (x: Value) => op.Tanh(p.at('pooler.dense').linear(x, c.hidden_size));
  if (packed) return dense(op.Gather(h, packed.firstTokens));
  const sentences = op.Reshape(h, shape(c.hidden_size)); // [B, S, D]
  const first = op.Slice(sentences, builder.ints(0), builder.ints(1), builder.ints(1)); // [B, 1, D]
  return dense(op.Squeeze(first, builder.ints(1)));
}

function batchOf(builder: GraphBuilder, { inputIds, attentionMask, packed }: TokenInputs): Batch {
  const tokens = tokenShape(builder, inputIds);
  if (!packed) return { shape: tokens, bias: attentionBias(builder, attentionMask) };
  const { length } = packed;
  const bias = packedBias(builder, attentionMask, length);
  return { shape: packedShape(builder, length), bias, packed: { tokens, length } };
}

function build(p: Params, inputs: TokenInputs, c: BertConfig, { labels, structure }: GraphShape): Value {
  const base = p.at('bert');
  const batch = batchOf(p.builder, inputs);
  let h = embeddings(base.at('embeddings'), inputs, c);
  structure.forEach((sizes, i) => {
    const layer = base.at(`encoder.layer.${i}`);
    h = feedForward(layer, attention(layer.at('attention'), h, batch, c, sizes), c, sizes);
  });
  const sentence = p.op.Dropout(
    pooled(base, h, batch.shape, c, inputs.packed),
    c.classifier_dropout ?? c.hidden_dropout_prob,
  );
  return p.at('classifier').linear(sentence, labels);
}

/** BERT with a sequence classification or regression head (Devlin et al. 2018; transformers `BertForSequenceClassification`). */
export const bert = defineArchitecture<BertConfig>({
  modelType: 'bert',
  className: 'BertForSequenceClassification',
  config: BertConfig,
  legacyNames: [
    [/\.gamma$/, '.weight'], // TensorFlow's names of layer normalization
    [/\.beta$/, '.bias'],
    [/^(?=(embeddings|encoder|pooler)\.)/, 'bert.'], // files saved from the bare `BertModel`
  ],
  headNames: [/^classifier\./, /^bert\.pooler\./],
  structure: (c) =>
    Array.from({ length: c.num_hidden_layers }, () => ({
      heads: c.num_attention_heads,
      hiddenUnits: c.intermediate_size,
    })),
  build,
  packs: true,
  prunable: (c) =>
    Array.from({ length: c.num_hidden_layers }, (_, i) => {
      const layer = `bert.encoder.layer.${i}`;
      const self = `${layer}.attention.self`;
      return {
        layer,
        neurons: neurons(c.intermediate_size, { out: [`${layer}.intermediate.dense`], in: [`${layer}.output.dense`] }),
        heads: heads(c.num_attention_heads, headSize(c), {
          query: `${self}.query`,
          key: `${self}.key`,
          value: `${self}.value`,
          output: `${layer}.attention.output.dense`,
        }),
      };
    }),
});
