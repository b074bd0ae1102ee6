import type { Values } from '../metrics/pairs.js';

/** Mean of repeated runs and how far it may be off. */
export interface Spread {
  readonly runs: number;
  readonly mean: number;
  /** Of single runs, with n − 1 below; NaN for one run. */
  readonly standardDeviation: number;
  /** Of the mean, standardDeviation / √n. */
  readonly standardError: number;
}

/** Mean, standard deviation and standard error of one value over several runs, such as the seeds of a training. */
export function spread(values: Values): Spread {
  const all = Float64Array.from(values);
  const runs = all.length;
  const mean = all.reduce((sum, value) => sum + value, 0) / runs;
  const squares = all.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const standardDeviation = runs > 1 ? Math.sqrt(squares / (runs - 1)) : Number.NaN;
  return { runs, mean, standardDeviation, standardError: standardDeviation / Math.sqrt(runs) };
}

/** The p-th quantile (0…1) of values in rising order, linear between neighbours (NumPy's default). */
export function quantile(sorted: Float64Array, p: number): number {
  const at = p * (sorted.length - 1);
  const below = sorted[Math.floor(at)] ?? Number.NaN;
  const above = sorted[Math.ceil(at)] ?? Number.NaN;
  return below + (above - below) * (at - Math.floor(at));
}
