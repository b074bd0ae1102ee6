import { codeOf, type Value } from '@neuroprune/onnx';
import { defineArchitecture, type GraphShape, type TokenInputs } from '../architecture.js';
import { bertPaths, encoderLayer, encoderSizes, headSize, layerGroups, type SelfAttention, uncut } from '../encoder.js';
import { absolutePositions, activations, firstToken, LOWEST, picked, type TokenShape, tokenShape } from '../layers.js';
import { maskedLmHead } from '../masked-lm.js';
import type { Params } from '../params.js';
import type { LayerStructure } from '../structure.js';
import { DebertaV2Config, furthest } from './config.js';
import { type RelativePositions, relativeRows, span } from './relative-positions.js';

const paths = {
  ...bertPaths,
  query: 'attention.self.query_proj',
  key: 'attention.self.key_proj',
  value: 'attention.self.value_proj',
};

const relativeOf = (c: DebertaV2Config): RelativePositions => ({
  furthest: furthest(c),
  buckets: c.position_buckets,
});

/** What all layers read. */
interface Batch {
  readonly shape: TokenShape;
  /** Added to scores: hides padding as query and as key, [B, 1, S, S]. */
  readonly bias: Value;
  /** 1 for a token, 0 for padding, float32 [B·S, 1]. */
  readonly mask: Value;
  readonly positions?: {
    /** The table of relative positions, [2·span, D]. */
    readonly table: Value;
    /** Its row for each query and key, int64 [S, S]. */
    readonly rows: Value;
  };
}

/** Sum of the tables there are, mapped to the width, normalized, and 0 for padding. [B, S] → [B·S, D] */
function embeddings(p: Params, inputs: TokenInputs, mask: Value, c: DebertaV2Config): Value {
  const { op, builder } = p;
  const width = c.embedding_size ?? c.hidden_size;
  const table = (name: string, rows: number) => p.at(name).param('weight', [rows, width]);
  let x = op.Gather(table('word_embeddings', c.vocab_size), inputs.inputIds);
  if (c.position_biased_input)
    x = op.Add(x, absolutePositions(p, table('position_embeddings', c.max_position_embeddings), inputs));
  if (inputs.tokenTypeIds)
    x = op.Add(x, op.Gather(table('token_type_embeddings', c.type_vocab_size), inputs.tokenTypeIds));
  const rows = op.Reshape(x, builder.ints(-1, width));
  const mapped =
    width === c.hidden_size
      ? rows
      : op.Gemm(rows, p.at('embed_proj').param('weight', [c.hidden_size, width]), undefined, { transB: 1 });
  const normed = p.at('LayerNorm').layerNorm(mapped, c.layer_norm_eps);
  return op.Dropout(op.Mul(normed, mask), c.hidden_dropout_prob);
}

function batchOf(p: Params, { inputIds }: TokenInputs, mask: Value, c: DebertaV2Config): Batch {
  const { op, builder } = p;
  const seen = op.Mul(op.Unsqueeze(mask, builder.ints(1, 2)), op.Unsqueeze(mask, builder.ints(1, 3))); // [B, 1, S, S]
  const bias = op.Mul(op.Sub(1, seen), LOWEST);
  const batch = { shape: tokenShape(builder, inputIds), bias, mask: op.Reshape(mask, builder.ints(-1, 1)) };
  if (!c.relative_attention || c.pos_att_type.length === 0) return batch;
  const r = relativeOf(c);
  const encoder = p.at('deberta.encoder');
  const table = encoder.at('rel_embeddings').param('weight', [2 * span(r), c.hidden_size]);
  const normed = /(^|\|)\s*layer_norm\s*(\||$)/i.test(c.norm_rel_ebd);
  const tokens = op.Squeeze(op.Shape(inputIds, { start: 1, end: 2 }), builder.ints(0));
  const positions = {
    table: normed ? encoder.at('LayerNorm').layerNorm(table, c.layer_norm_eps) : table,
    rows: relativeRows(builder, tokens, r),
  };
  return { ...batch, positions };
}

/**
 * Disentangled attention (He et al. 2021, equations 3 and 4): contents score contents, contents score relative positions
 * (c2p) and relative positions score contents (p2c), each by the maps of the contents.
 */
const disentangled =
  ({ shape, bias, positions }: Batch, c: DebertaV2Config): SelfAttention =>
  (layer, x, left) => {
    const p = layer.shared();
    const { op, builder } = p;
    const size = headSize(encoderSizes(c));
    const width = left.heads * size;
    const split = (rows: Value, perm: number[]) => op.Transpose(op.Reshape(rows, shape(left.heads, size)), { perm });
    const scale = (size * (1 + c.pos_att_type.length)) ** -0.5;
    const queries = split(op.Mul(p.at(paths.query).linear(x, width), scale), [0, 2, 1, 3]); // [B, H, S, size]
    const keys = split(p.at(paths.key).linear(x, width), [0, 2, 3, 1]); // [B, H, size, S]
    let scores = op.MatMul(queries, keys); // [B, H, S, S]
    if (positions) {
      const table = positionHeads(p, positions.table, left, c);
      const rows = op.Expand(positions.rows, op.Shape(scores));
      const turned = (value: Value) => op.Transpose(value, { perm: [0, 1, 3, 2] });
      const chosen = (all: Value, at: Value) => op.GatherElements(all, at, { axis: 3 });
      if (c.pos_att_type.includes('c2p')) scores = op.Add(scores, chosen(op.MatMul(queries, table(paths.key)), rows));
      if (c.pos_att_type.includes('p2c')) {
        const all = op.MatMul(turned(keys), op.Mul(table(paths.query), scale)); // [B, H, S, 2·span], a row a key
        scores = op.Add(scores, turned(chosen(all, turned(rows))));
      }
    }
    const shares = op.Dropout(op.Softmax(op.Add(scores, bias), { axis: -1 }), c.attention_probs_dropout_prob);
    const context = op.MatMul(shares, split(p.at(paths.value).linear(x, width), [0, 2, 1, 3]));
    return op.Reshape(op.Transpose(context, { perm: [0, 2, 1, 3] }), builder.ints(-1, width));
  };

/** The table of positions through a map of the contents, head by head: [H, size, 2·span]. */
function positionHeads(p: Params, table: Value, { heads, inputDims }: LayerStructure, c: DebertaV2Config) {
  const { op, builder } = p;
  const size = headSize(encoderSizes(c));
  const dropped = picked(p, op.Dropout(table, c.hidden_dropout_prob), inputDims?.attention);
  return (path: string) =>
    op.Transpose(op.Reshape(p.at(path).linear(dropped, heads * size), builder.ints(-1, heads, size)), {
      perm: [1, 2, 0],
    });
}

/** What the first layer gives, with a convolution over the embeddings beside it (transformers `ConvLayer`). [B·S, D] → [B·S, D] */
function withConvolution(p: Params, h: Value, embedded: Value, { shape, mask }: Batch, c: DebertaV2Config): Value {
  const { op, builder } = p;
  const [width, kernel] = [c.hidden_size, c.conv_kernel_size];
  const side = (kernel - 1) / 2;
  const padded = op.Pad(op.Reshape(embedded, shape(width)), builder.ints(0, side, 0, 0, side, 0));
  const end = (at: number) => (at === kernel - 1 ? Number.MAX_SAFE_INTEGER : at + 1 - kernel);
  const seen = Array.from({ length: kernel }, (_, at) =>
    op.Slice(padded, builder.ints(at), builder.ints(end(at)), builder.ints(1)),
  );
  const windows = op.Reshape(op.Concat(seen, { axis: 2 }), builder.ints(-1, kernel * width));
  const weight = op.Transpose(p.at('conv').param('weight', [width, width, kernel]), { perm: [0, 2, 1] });
  const flat = op.Reshape(weight, builder.ints(width, kernel * width));
  const mapped = op.Mul(op.Gemm(windows, flat, p.at('conv').param('bias', [width]), { transB: 1 }), mask);
  const out = activations[c.conv_act](op, op.Dropout(mapped, c.hidden_dropout_prob));
  return op.Mul(p.at('LayerNorm').layerNorm(op.Add(h, out), c.layer_norm_eps), mask);
}

function build(p: Params, inputs: TokenInputs, c: DebertaV2Config, { task, labels, structure }: GraphShape): Value {
  const mask = p.op.Cast(inputs.attentionMask, { to: codeOf('float32') });
  const batch = batchOf(p, inputs, mask, c);
  const attention = disentangled(batch, c);
  const embedded = embeddings(p.at('deberta.embeddings'), inputs, batch.mask, c);
  let h = embedded;
  structure.forEach((left, i) => {
    h = encoderLayer(p.at(`deberta.encoder.layer.${i}`), h, left, paths, encoderSizes(c), attention);
    if (i === 0 && c.conv_kernel_size > 0) h = withConvolution(p.at('deberta.encoder.conv'), h, embedded, batch, c);
  });
  if (task === 'masked-lm') return maskedLmHead(p, h, inputs, lmPaths(c), lmSizes(c));
  const first = p.op.Dropout(firstToken(p, h, batch.shape), c.pooler_dropout);
  const pooled = activations[c.pooler_hidden_act](p.op, p.at('pooler.dense').linear(first, c.hidden_size));
  return p.at('classifier').linear(p.op.Dropout(pooled, c.cls_dropout ?? c.hidden_dropout_prob), labels);
}

const lmPaths = ({ legacy }: DebertaV2Config) => ({
  dense: legacy ? 'cls.predictions.transform.dense' : 'lm_predictions.lm_head.dense',
  norm: legacy ? 'cls.predictions.transform.LayerNorm' : 'lm_predictions.lm_head.LayerNorm',
  decoder: 'cls.predictions.decoder',
  bias: legacy ? 'cls.predictions' : 'lm_predictions.lm_head',
  embeddings: 'deberta.embeddings.word_embeddings',
});

const lmSizes = (c: DebertaV2Config) => ({
  vocabulary: c.vocab_size,
  width: (c.legacy ? c.embedding_size : undefined) ?? c.hidden_size,
  activation: c.hidden_act,
  epsilon: c.layer_norm_eps,
  tied: c.tie_word_embeddings || !c.legacy,
});

/** DeBERTa-v2 and v3 with a head for sequence classification, regression or masked words (He et al. 2021; transformers `modeling_deberta_v2`). */
export const debertaV2 = defineArchitecture<DebertaV2Config>({
  modelType: 'deberta-v2',
  classNames: {
    'sequence-classification': 'DebertaV2ForSequenceClassification',
    'masked-lm': 'DebertaV2ForMaskedLM',
  },
  config: DebertaV2Config,
  legacyNames: [
    [/\.gamma$/, '.weight'],
    [/\.beta$/, '.bias'],
    [/^(?=(embeddings|encoder)\.)/, 'deberta.'], // files saved from the bare `DebertaV2Model`
  ],
  headNames: [/^classifier\./, /^pooler\./, /^(cls\.predictions|lm_predictions)\./],
  tokenTypes: (c) => c.type_vocab_size > 0,
  structure: (c) => uncut(c.num_hidden_layers, encoderSizes(c)),
  build,
  prunable: (c) =>
    uncut(c.num_hidden_layers, encoderSizes(c)).map((_, i) =>
      layerGroups(`deberta.encoder.layer.${i}`, paths, encoderSizes(c)),
    ),
});
