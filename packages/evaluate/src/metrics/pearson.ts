import { pairCount, undefinedScore, type Values, type WarningOptions } from './pairs.js';
import { correlationPValue } from './student-t.js';

/** Options of the correlations. */
export interface CorrelationOptions extends WarningOptions {
  /** Adds `p-value`, the two-sided one against no correlation; false by default. */
  readonly pValue?: boolean;
}

/** Value of `p-value`, there only if asked for. */
export type CorrelationPValue = { readonly 'p-value'?: number };

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

/** The correlation, said where it is not defined, and its p-value if asked for. */
export function described(
  metric: string,
  r: number,
  n: number,
  options: CorrelationOptions,
): [number, CorrelationPValue] {
  const value = Number.isNaN(r)
    ? undefinedScore(metric, 'where a side is constant, too short or holds NaN', options)
    : r;
  return [value, options.pValue ? { 'p-value': correlationPValue(r, n) } : {}];
}

/**
 * Pearson's correlation of predicted and true scores, Σ(x−x̄)(y−ȳ) / √(Σ(x−x̄)² Σ(y−ȳ)²), in −1…1, higher is better; NaN
 * where either side is constant. Source: scipy 1.17.1 `pearsonr`.
 */
export function pearson(
  predictions: Values,
  references: Values,
  options: CorrelationOptions = {},
): { pearson: number } & CorrelationPValue {
  const n = pairCount('pearson', predictions, references);
  const [value, more] = described('pearson', correlation(predictions, references), n, options);
  return { pearson: value, ...more };
}
