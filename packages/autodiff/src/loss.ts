import { float32, type GraphBuilder, tensor, type Value } from '@neuroprune/onnx';
import { AutodiffError, demand } from './errors.js';

/** What a loss compares the model's output with. */
export interface Targets {
  /** [batch]: class indices (int64) or scores (float32); [batch, sequence] of a loss over tokens. */
  readonly labels: Value;
  /** float32 [batch]: 1 counts, 0 is a row that fills up a batch. */
  readonly weights: Value;
}

/** Choices of cross entropy, with PyTorch's meaning (`torch.nn.CrossEntropyLoss`). */
export interface CrossEntropyOptions {
  /** ε: labels become (1-ε)·label + ε/classes. */
  readonly labelSmoothing?: number;
  /** Weight of each class; the mean over rows divides by the weights of their labels. */
  readonly classWeights?: readonly number[];
}

/** A loss: the element type of its labels, and its expression over the model's output, a scalar. */
export interface Loss {
  readonly labels: 'int64' | 'float32';
  /** Labels are those of each token, [batch, sequence]; of each row, [batch], when absent. */
  readonly tokens?: true;
  /** What each token counts, [batch·sequence]; of a loss over tokens. */
  counts?(builder: GraphBuilder, targets: Targets): Value;
  build(builder: GraphBuilder, output: Value, targets: Targets, options?: CrossEntropyOptions): Value;
}

/** Keeps the mean over no rows at all finite. */
const TINY = 1e-12;

/** Σ w·x / Σ w over the batch. */
function weightedMean({ op }: GraphBuilder, x: Value, weights: Value): Value {
  const sum = (v: Value) => op.ReduceSum(v, undefined, { keepdims: 0 });
  return op.Div(sum(op.Mul(x, weights)), op.Max([sum(weights), TINY]));
}

/** Mean of -log softmax(logits)[label], logits [batch, classes]; written with operators that every provider has. */
const crossEntropy: Loss = {
  labels: 'int64',
  build: (builder, logits, { labels, weights }, { labelSmoothing = 0, classWeights } = {}) => {
    const { op } = builder;
    const classes = logits.shape?.[1];
    if (logits.rank !== 2 || typeof classes !== 'number') {
      throw new AutodiffError(`cross entropy: expected an output [batch, classes], got [${logits.shape}]`);
    }
    const axis = builder.ints(1);
    const indices = builder.constant(
      tensor(
        'int32',
        [classes],
        Int32Array.from({ length: classes }, (_, i) => i),
      ),
    );
    const isLabel = op.Cast(op.Equal(op.Unsqueeze(op.Cast(labels, { to: 6 }), axis), indices), { to: 1 });
    const below = op.Sub(logits, op.ReduceMax(logits, axis, { keepdims: 1 })); // ≤ 0, so that no exponential overflows
    const logSum = op.Log(op.ReduceSum(op.Exp(below), axis, { keepdims: 0 }));
    const ofLabel = op.ReduceSum(op.Mul(below, isLabel), axis, { keepdims: 0 });
    const plain = op.Sub(logSum, ofLabel); // -log softmax(logits)[label]
    if (labelSmoothing === 0 && !classWeights) return weightedMean(builder, plain, weights);
    checkChoices(classes, labelSmoothing, classWeights);
    const each = builder.constant(float32(classWeights ?? new Float32Array(classes).fill(1), [1, classes]));
    const ofClass = op.ReduceSum(op.Mul(isLabel, each), axis, { keepdims: 0 });
    const counted = op.Mul(weights, ofClass);
    const sum = (v: Value) => op.ReduceSum(v, undefined, { keepdims: 0 });
    const whole = op.Max([sum(counted), TINY]);
    const hard = op.Div(sum(op.Mul(plain, counted)), whole);
    if (labelSmoothing === 0) return hard;
    const all = op.ReduceSum(op.Mul(op.Sub(op.Unsqueeze(logSum, axis), below), each), axis, { keepdims: 0 });
    const smooth = op.Div(sum(op.Mul(all, weights)), whole);
    return op.Add(op.Mul(hard, 1 - labelSmoothing), op.Mul(smooth, labelSmoothing / classes));
  },
};

function checkChoices(classes: number, smoothing: number, weights: readonly number[] | undefined): void {
  demand(smoothing >= 0 && smoothing <= 1, 'labelSmoothing', 'a share in [0, 1]', smoothing);
  const fits = !weights || (weights.length === classes && weights.every((w) => w >= 0 && Number.isFinite(w)));
  demand(fits, 'classWeights', `${classes} numbers from 0`, `[${weights}]`);
}

/** Mean of (score - label)², scores [batch] or [batch, 1]. */
const meanSquaredError: Loss = {
  labels: 'float32',
  build: (builder, scores, { labels, weights }) => {
    const { op } = builder;
    if (scores.rank > 1 && scores.shape?.[1] !== 1) {
      throw new AutodiffError(`mean squared error: expected an output [batch, 1], got [${scores.shape}]`);
    }
    const difference = op.Sub(op.Reshape(scores, builder.ints(-1)), labels);
    return weightedMean(builder, op.Mul(difference, difference), weights);
  },
};

/** Label of a token that takes no part in the loss, as PyTorch's `ignore_index`. */
const IGNORED = -100;

/** The weight of its row for each token that has a label, 0 for the others, [batch·sequence]. */
function tokenWeights(builder: GraphBuilder, { labels, weights }: Targets): Value {
  const { op } = builder;
  const counted = op.Cast(op.Not(op.Equal(labels, IGNORED)), { to: 1 });
  return op.Reshape(op.Mul(counted, op.Unsqueeze(weights, builder.ints(1))), builder.ints(-1));
}

/** The label of the token after each; the last has none. */
function nextLabels(builder: GraphBuilder, labels: Value): Value {
  const { op } = builder;
  const axis = builder.ints(1);
  const later = op.Slice(labels, axis, builder.ints(Number.MAX_SAFE_INTEGER), axis);
  const none = op.Sub(op.Mul(op.Slice(labels, builder.ints(0), axis, axis), 0), -IGNORED); // [batch, 1]
  return op.Concat([later, none], { axis: 1 });
}

/** Cross entropy over every token with a label of its own, logits [batch, sequence, vocabulary]; the mean is over tokens. */
const tokenCrossEntropy: Loss = {
  labels: 'int64',
  tokens: true,
  counts: tokenWeights,
  build: (builder, logits, { labels, weights }, options) => {
    const { op } = builder;
    const vocabulary = logits.shape?.[2];
    if (logits.rank !== 3 || typeof vocabulary !== 'number')
      throw new AutodiffError(`token cross entropy: expected [batch, sequence, vocabulary], got [${logits.shape}]`);
    const tokens = {
      labels: op.Reshape(labels, builder.ints(-1)),
      weights: tokenWeights(builder, { labels, weights }),
    };
    return crossEntropy.build(builder, op.Reshape(logits, builder.ints(-1, vocabulary)), tokens, options);
  },
};

/** The same where each token's logits are compared with the label of the next one (transformers `ForCausalLMLoss`). */
const nextTokenCrossEntropy: Loss = {
  labels: 'int64',
  tokens: true,
  counts: (builder, { labels, weights }) => tokenWeights(builder, { labels: nextLabels(builder, labels), weights }),
  build: (builder, logits, { labels, weights }, options) =>
    tokenCrossEntropy.build(builder, logits, { labels: nextLabels(builder, labels), weights }, options),
};

/** The losses by name. */
export const losses = {
  crossEntropy,
  meanSquaredError,
  tokenCrossEntropy,
  nextTokenCrossEntropy,
} as const satisfies Record<string, Loss>;

/** Adds the inputs `labels` and `weights` that a loss over `output` reads. */
export function lossInputs(builder: GraphBuilder, { labels, tokens }: Loss, output: Value): Targets {
  return {
    labels: builder.input('labels', labels, tokens ? (output.shape?.slice(0, 2) ?? []) : ['batch']),
    weights: builder.input('weights', 'float32', ['batch']),
  };
}
