import { EvaluateError } from '../error.js';

/** Class indices or scores, one an example. */
export type Values = ArrayLike<number>;

/** Refuses predictions and references of different counts; returns the count. */
export function pairCount(metric: string, predictions: Values, references: Values): number {
  if (predictions.length === references.length) return predictions.length;
  throw new EvaluateError(
    'input',
    `${metric}: expected one reference a prediction, got ${predictions.length} predictions and ${references.length} references; pass them in the same order`,
  );
}

/** Counts of one class: examples of it, predictions of it, and both at once. */
export interface ClassCount {
  truth: number;
  predicted: number;
  correct: number;
}

/** One count a class that occurs in the predictions or the references. */
export function classCounts(metric: string, predictions: Values, references: Values): Map<number, ClassCount> {
  const counts = new Map<number, ClassCount>();
  const of = (label: number): ClassCount => {
    const count = counts.get(label) ?? { truth: 0, predicted: 0, correct: 0 };
    counts.set(label, count);
    return count;
  };
  const examples = pairCount(metric, predictions, references);
  for (let i = 0; i < examples; i++) {
    of(references[i]!).truth++;
    of(predictions[i]!).predicted++;
    if (predictions[i] === references[i]) of(references[i]!).correct++;
  }
  return counts;
}
