import { EvaluateError } from '../error.js';

/** Class indices or scores, one an example. */
export type Values = ArrayLike<number>;

/** What every metric takes. */
export interface WarningOptions {
  /** Told why a value is NaN, where the reference library gives no finite number, and of input that looks wrong. */
  readonly onWarning?: (message: string) => void;
}

/** Weights of the examples, all 1 by default; scikit-learn's `sample_weight`. */
export interface WeightOptions extends WarningOptions {
  readonly sampleWeight?: Values;
}

/** NaN, said to whoever listens. */
export function undefinedScore(metric: string, reason: string, options: WarningOptions): number {
  options.onWarning?.(`${metric}: not defined ${reason}; it is NaN`);
  return Number.NaN;
}

/** Refuses predictions and references of different counts; returns the count. */
export function pairCount(metric: string, predictions: ArrayLike<unknown>, references: ArrayLike<unknown>): number {
  if (predictions.length === references.length) return predictions.length;
  throw new EvaluateError(
    'input',
    `${metric}: expected one reference a prediction, got ${predictions.length} predictions and ${references.length} references; pass them in the same order`,
  );
}

/** The weight of each example; throws where there is not one for each. */
export function weightOf(metric: string, examples: number, weights: Values | undefined): (i: number) => number {
  if (weights === undefined) return () => 1;
  if (weights.length === examples) return (i) => weights[i]!;
  throw new EvaluateError(
    'input',
    `${metric}: expected a weight an example, got ${weights.length} weights and ${examples} examples`,
  );
}

/** Counts of one class: examples of it, predictions of it, and both at once; sums of weights where there are some. */
export interface ClassCount {
  truth: number;
  predicted: number;
  correct: number;
}

/** One count a class that occurs in the predictions or the references. */
export function classCounts(
  metric: string,
  predictions: Values,
  references: Values,
  options: WeightOptions = {},
): Map<number, ClassCount> {
  const counts = new Map<number, ClassCount>();
  const of = (label: number): ClassCount => {
    const known = counts.get(label);
    if (known) return known;
    const count = { truth: 0, predicted: 0, correct: 0 };
    counts.set(label, count);
    return count;
  };
  const examples = pairCount(metric, predictions, references);
  const weight = weightOf(metric, examples, options.sampleWeight);
  for (let i = 0; i < examples; i++) {
    const truth = of(references[i]!);
    const predicted = predictions[i] === references[i] ? truth : of(predictions[i]!);
    truth.truth += weight(i);
    predicted.predicted += weight(i);
    if (predicted === truth) truth.correct += weight(i);
  }
  return counts;
}
