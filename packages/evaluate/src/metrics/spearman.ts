import { pairCount, type Values } from './pairs.js';
import { correlation } from './pearson.js';

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
 * higher is better; NaN where either side is constant or holds a NaN (scipy `spearmanr`).
 */
export function spearman(predictions: Values, references: Values): { spearmanr: number } {
  pairCount('spearman', predictions, references);
  if (hasNaN(predictions) || hasNaN(references)) return { spearmanr: Number.NaN };
  return { spearmanr: correlation(ranks(predictions), ranks(references)) };
}
