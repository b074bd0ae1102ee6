import { type ClassAverageOptions, type ClassRatio, classAverage } from './class-average.js';
import type { Values } from './pairs.js';

const ratio: ClassRatio = { over: (count) => count.correct, under: (count) => count.predicted };

/**
 * Share of the predictions of a class that are right, TP / (TP + FP), in 0…1, higher is better; averaged as `f1` does. A
 * class that is never predicted scores `zeroDivision`; NaN without examples. Source: scikit-learn 1.9.1 `precision_score`.
 */
export function precision(
  predictions: Values,
  references: Values,
  options: ClassAverageOptions = {},
): { precision: number } {
  return { precision: classAverage('precision', ratio, predictions, references, options) };
}
