import { EvaluateError } from '../error.js';
import { type ClassCount, classCounts, undefinedScore, type Values, type WeightOptions } from './pairs.js';

/** How `f1`, `precision` and `recall` join their classes. */
export type F1Average = 'binary' | 'macro' | 'micro' | 'weighted';

/** Options of `f1`, `precision` and `recall`, those of scikit-learn. */
export interface ClassAverageOptions extends WeightOptions {
  /** `binary` by default. */
  readonly average?: F1Average;
  /** The classes that count, with or without examples; all that occur by default. `binary` does not look at it. */
  readonly labels?: readonly number[];
  /** The class that `binary` scores; 1 by default. */
  readonly positiveLabel?: number;
  /** Value of a class whose ratio is 0 / 0; NaN leaves the class out of an average. 0 by default. */
  readonly zeroDivision?: number;
}

/** A score of one class as a ratio of sums over its counts. */
export interface ClassRatio {
  readonly over: (count: ClassCount) => number;
  readonly under: (count: ClassCount) => number;
}

type Counts = ReadonlyMap<number, ClassCount>;

const none: ClassCount = { truth: 0, predicted: 0, correct: 0 };

function positive(metric: string, counts: Counts, label: number): ClassCount {
  if (counts.size > 2 || (counts.size === 2 && !counts.has(label))) {
    const classes = [...counts.keys()].sort((a, b) => a - b).join(', ');
    throw new EvaluateError(
      'input',
      `${metric}: expected two classes of which ${label} is the positive one, got ${classes}; choose average 'macro', 'micro' or 'weighted'`,
    );
  }
  return counts.get(label) ?? none;
}

const total = (counts: readonly ClassCount[]): ClassCount =>
  counts.reduce(
    (sum, count) => ({
      truth: sum.truth + count.truth,
      predicted: sum.predicted + count.predicted,
      correct: sum.correct + count.correct,
    }),
    none,
  );

// Classes whose score is NaN do not count; weights that are all 0 are no weights (scikit-learn's `_nanaverage`).
function mean(scores: readonly number[], weights: readonly number[]): number {
  const at = [...scores.keys()].filter((i) => !Number.isNaN(scores[i]));
  const whole = at.reduce((sum, i) => sum + weights[i]!, 0);
  if (whole === 0) return at.reduce((sum, i) => sum + scores[i]!, 0) / at.length;
  return at.reduce((sum, i) => sum + weights[i]! * scores[i]!, 0) / whole;
}

/** The average over classes of a ratio of counts, as scikit-learn's `precision_recall_fscore_support` takes it; NaN without examples. */
export function classAverage(
  metric: string,
  ratio: ClassRatio,
  predictions: Values,
  references: Values,
  options: ClassAverageOptions,
): number {
  const counts = classCounts(metric, predictions, references, options);
  if (counts.size === 0) return undefinedScore(metric, 'without examples', options);
  const score = (count: ClassCount): number => {
    const under = ratio.under(count);
    return under === 0 ? (options.zeroDivision ?? 0) : ratio.over(count) / under;
  };
  const chosen = (options.labels ?? [...counts.keys()]).map((label) => counts.get(label) ?? none);
  const averages = {
    binary: () => score(positive(metric, counts, options.positiveLabel ?? 1)),
    macro: () => mean(chosen.map(score), new Array(chosen.length).fill(1)),
    micro: () => score(total(chosen)),
    weighted: () =>
      mean(
        chosen.map(score),
        chosen.map((count) => count.truth),
      ),
  } satisfies Record<F1Average, () => number>;
  return averages[options.average ?? 'binary']();
}
