import { EvaluateError } from '../error.js';
import { type ClassCount, classCounts, type Values } from './pairs.js';

/** How `f1` joins its classes. */
export type F1Average = 'binary' | 'macro' | 'micro' | 'weighted';

type Counts = ReadonlyMap<number, ClassCount>;

// F1 = 2 TP / (2 TP + FP + FN), whose denominator is |truth| + |predicted|; 0 where that is 0, as scikit-learn's zero_division.
const score = (count: ClassCount): number => {
  const both = count.truth + count.predicted;
  return both === 0 ? 0 : (2 * count.correct) / both;
};

const sum = (counts: Counts, term: (count: ClassCount) => number): number =>
  [...counts.values()].reduce((total, count) => total + term(count), 0);

const averages = {
  binary: (counts) => {
    if (counts.size > 2 || (counts.size === 2 && !counts.has(1))) {
      throw new EvaluateError(
        'input',
        `f1: expected two classes of which 1 is the positive one, got ${[...counts.keys()].sort((a, b) => a - b).join(', ')}; choose average 'macro', 'micro' or 'weighted'`,
      );
    }
    return score(counts.get(1) ?? { truth: 0, predicted: 0, correct: 0 });
  },
  macro: (counts) => sum(counts, score) / counts.size,
  micro: (counts) => sum(counts, (c) => c.correct) / sum(counts, (c) => c.truth),
  weighted: (counts) => sum(counts, (c) => c.truth * score(c)) / sum(counts, (c) => c.truth),
} satisfies Record<F1Average, (counts: Counts) => number>;

/**
 * Harmonic mean of precision and recall, in 0…1, higher is better (scikit-learn `f1_score`): of class 1 (`binary`, the
 * default), the mean over the classes (`macro`, or `weighted` by their examples), or of all decisions at once (`micro`).
 * A class without examples and predictions scores 0; NaN without examples.
 */
export function f1(predictions: Values, references: Values, options: { average?: F1Average } = {}): { f1: number } {
  const counts = classCounts('f1', predictions, references);
  return { f1: counts.size === 0 ? Number.NaN : averages[options.average ?? 'binary'](counts) };
}
