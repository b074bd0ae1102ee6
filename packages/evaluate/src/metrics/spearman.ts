import { pairCount, type Values } from './pairs.js';
import { type CorrelationOptions, type CorrelationPValue, correlation, described } from './pearson.js';

// Number of sorted values below a value, or below and equal.
function countBelow(sorted: Float64Array, value: number, orEqual: boolean): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    const before = orEqual ? sorted[middle]! <= value : sorted[middle]! < value;
    if (before) low = middle + 1;
    else high = middle;
  }
  return low;
}

// Ranks from 1; equal values share the mean of their ranks (scipy `rankdata`, method 'average').
function ranks(values: Values): Float64Array {
  const own = Float64Array.from(values);
  const sorted = own.toSorted();
  return own.map((value) => (countBelow(sorted, value, false) + 1 + countBelow(sorted, value, true)) / 2);
}

const hasNaN = (values: Values): boolean => Array.prototype.some.call(values, Number.isNaN);

/**
 * Spearman's rank correlation of predicted and true scores: Pearson's of their ranks, ties sharing the mean rank, in −1…1,
 * higher is better; NaN where either side is constant or holds a NaN. Source: scipy 1.17.1 `spearmanr`.
 */
export function spearman(
  predictions: Values,
  references: Values,
  options: CorrelationOptions = {},
): { spearmanr: number } & CorrelationPValue {
  const n = pairCount('spearman', predictions, references);
  const ranked = !(hasNaN(predictions) || hasNaN(references));
  const r = ranked ? correlation(ranks(predictions), ranks(references)) : Number.NaN;
  const [value, more] = described('spearman', r, n, options);
  // Two ranks leave no degree of freedom: scipy's p-value is NaN here, 1 for Pearson's.
  return { spearmanr: value, ...(options.pValue && n === 2 ? { 'p-value': Number.NaN } : more) };
}
