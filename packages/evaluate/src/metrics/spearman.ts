import { pairCount, type Values } from './pairs.js';
import { type CorrelationOptions, type CorrelationPValue, correlation, described } from './pearson.js';

// Ranks from 1; equal values share the mean of their ranks (scipy `rankdata`, method 'average').
function ranks(values: Values): Float64Array {
  const order = Array.from({ length: values.length }, (_, i) => i).sort((i, j) => values[i]! - values[j]!);
  const result = new Float64Array(values.length);
  for (let start = 0, end = 0; start < order.length; start = end) {
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (let k = start; k < end; k++) result[order[k]!] = (start + 1 + end) / 2;
  }
  return result;
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
