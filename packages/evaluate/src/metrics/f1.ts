import { type ClassAverageOptions, classAverage } from './class-average.js';
import type { Values } from './pairs.js';

/**
 * Harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN), in 0…1, higher is better: of class 1 (`binary`, the
 * default), the mean over the classes (`macro`, or `weighted` by their examples), or of all decisions at once (`micro`).
 * A class without examples and predictions scores `zeroDivision`; NaN without examples. Source: scikit-learn 1.9.1 `f1_score`.
 */
export function f1(predictions: Values, references: Values, options: ClassAverageOptions = {}): { f1: number } {
  // The denominator 2 TP + FP + FN is |truth| + |predicted|.
  const ratio = {
    over: (count: { correct: number }) => 2 * count.correct,
    under: (count: { truth: number; predicted: number }) => count.truth + count.predicted,
  };
  return { f1: classAverage('f1', ratio, predictions, references, options) };
}
