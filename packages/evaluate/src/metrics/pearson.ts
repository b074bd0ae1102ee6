import { pairCount, type Values } from './pairs.js';

// Scaled by the largest deviation first, so that neither huge nor tiny values over- or underflow when squared.
function centred(values: Values): Float64Array {
  const result = Float64Array.from(values);
  const mean = result.reduce((sum, value) => sum + value, 0) / result.length;
  const largest = result.reduce((max, value) => Math.max(max, Math.abs(value - mean)), 0);
  const scaled = result.map((value) => (value - mean) / largest);
  const norm = Math.sqrt(scaled.reduce((sum, value) => sum + value * value, 0));
  return scaled.map((value) => value / norm);
}

const isConstant = (values: Values): boolean => Array.prototype.every.call(values, (value) => value === values[0]);

/** Pearson's r of two rows of numbers of one length; NaN where either is constant or has fewer than two members. */
export function correlation(x: Values, y: Values): number {
  if (x.length < 2 || isConstant(x) || isConstant(y)) return Number.NaN;
  const [a, b] = [centred(x), centred(y)];
  const r = a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  return Math.min(1, Math.max(-1, r));
}

/**
 * Pearson's correlation of predicted and true scores, Σ(x−x̄)(y−ȳ) / √(Σ(x−x̄)² Σ(y−ȳ)²), in −1…1, higher is better; NaN
 * where either side is constant (scipy `pearsonr`).
 */
export function pearson(predictions: Values, references: Values): { pearson: number } {
  pairCount('pearson', predictions, references);
  return { pearson: correlation(predictions, references) };
}
