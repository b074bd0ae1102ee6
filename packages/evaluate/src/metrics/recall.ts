import { type ClassAverageOptions, type ClassRatio, classAverage } from './class-average.js';
import type { Values } from './pairs.js';

const ratio: ClassRatio = { over: (count) => count.correct, under: (count) => count.truth };

/**
 * Share of the examples of a class that are found, TP / (TP + FN), in 0…1, higher is better; averaged as `f1` does. A class
 * without examples scores `zeroDivision`; NaN without examples at all. Source: scikit-learn 1.9.1 `recall_score`.
 */
export function recall(predictions: Values, references: Values, options: ClassAverageOptions = {}): { recall: number } {
  return { recall: classAverage('recall', ratio, predictions, references, options) };
}
