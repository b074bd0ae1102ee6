import { float32, type GraphBuilder, tensor, type Value } from '@neuroprune/onnx';
import { AutodiffError } from './errors.js';

/** What a loss compares the model's output with; both are per row of the batch. */
export interface Targets {
  /** [batch]: class indices (int64) or scores (float32). */
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
  if (!(smoothing >= 0 && smoothing <= 1))
    throw new AutodiffError(`cross entropy: expected a label smoothing in [0, 1], got ${smoothing}`);
  if (weights && (weights.length !== classes || !weights.every((w) => w >= 0 && Number.isFinite(w))))
    throw new AutodiffError(`cross entropy: expected ${classes} class weights from 0, got [${weights}]`);
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

/** The losses by name. */
export const losses = { crossEntropy, meanSquaredError } as const satisfies Record<string, Loss>;
