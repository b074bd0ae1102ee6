import { type GraphBuilder, tensor, type Value } from '@neuroprune/onnx';
import { AutodiffError } from './errors.js';

/** What a loss compares the model's output with; both are per row of the batch. */
export interface Targets {
  /** [batch]: class indices (int64) or scores (float32). */
  readonly labels: Value;
  /** float32 [batch]: 1 counts, 0 is a row that fills up a batch. */
  readonly weights: Value;
}

/** A loss: the element type of its labels, and its expression over the model's output, a scalar. */
export interface Loss {
  readonly labels: 'int64' | 'float32';
  build(builder: GraphBuilder, output: Value, targets: Targets): Value;
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
  build: (builder, logits, { labels, weights }) => {
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
    return weightedMean(builder, op.Sub(logSum, ofLabel), weights);
  },
};

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
