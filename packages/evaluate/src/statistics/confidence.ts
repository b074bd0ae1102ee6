import { EvaluateError } from '../error.js';
import { type Below, stream } from '../random.js';
import { type OptionsOf, type PairsOf, type ResampledMetric, resampler } from './resampler.js';
import { quantile, spread } from './spread.js';

/** How often and how resampling draws. */
export interface ResamplingOptions {
  /** 1,000 by default; 10,000 for approximate randomization. */
  readonly samples?: number;
  /** 12345 by default, as sacreBLEU's; the same seed gives the same numbers on every machine. */
  readonly seed?: number;
  /** Share of the resamples between the bounds of an interval, 0.95 by default. */
  readonly confidence?: number;
}

/** A value with the interval in which it lies. */
export interface Interval {
  /** On the examples themselves. */
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** Mean and standard deviation over the resamples; the latter estimates the standard error of `value`. */
  readonly mean: number;
  readonly standardError: number;
  /** Resamples in which the metric is defined; the others are left out. */
  readonly samples: number;
}

/** The positions of all of n examples, in order. */
export const everyPosition = (n: number): Int32Array => Int32Array.from({ length: n }, (_, i) => i);

/** Fills positions by drawing from n examples with replacement; no two examples' chances differ by more than 2⁻³². */
export function draw(positions: Int32Array, n: number, below: Below): Int32Array {
  for (let i = 0; i < positions.length; i++) positions[i] = Math.floor((below(2 ** 32) / 2 ** 32) * n);
  return positions;
}

/** The options with their defaults; refuses what no resampling can use. */
export function resamplingOptions(options: ResamplingOptions, byDefault: number): Required<ResamplingOptions> {
  const { samples = byDefault, seed = 12345, confidence = 0.95 } = options;
  if (!Number.isInteger(samples) || samples < 1) {
    throw new EvaluateError('input', `resampling: expected samples to be a whole number from 1 on, got ${samples}`);
  }
  if (!(confidence > 0 && confidence < 1)) {
    throw new EvaluateError('input', `resampling: expected confidence between 0 and 1, got ${confidence}`);
  }
  return { samples, seed, confidence };
}

/** The percentile interval of a value from its values in resamples (Efron and Tibshirani, "An introduction to the bootstrap", 1993). */
export function interval(value: number, resampled: Values, confidence: number): Interval {
  const defined = Float64Array.from(resampled)
    .filter((sample) => !Number.isNaN(sample))
    .sort();
  const { mean, standardDeviation } = spread(defined);
  const outside = (1 - confidence) / 2;
  const [low, high] = [quantile(defined, outside), quantile(defined, 1 - outside)];
  return { value, low, high, mean, standardError: standardDeviation, samples: defined.length };
}

type Values = ArrayLike<number>;

/** Collects the values of each key over some resamples. */
export function collect(times: number, score: () => Readonly<Record<string, number>>): Record<string, Float64Array> {
  const columns: Record<string, Float64Array> = {};
  for (let t = 0; t < times; t++) {
    for (const [key, value] of Object.entries(score())) {
      columns[key] ??= new Float64Array(times);
      columns[key][t] = value;
    }
  }
  return columns;
}

/**
 * Confidence intervals of a metric's values by percentile bootstrap: examples are drawn with replacement as often as there
 * are, and the metric, a corpus score too, computed of them. Without examples all values are NaN.
 */
export function confidenceIntervals<Name extends ResampledMetric>(
  metric: Name,
  pairs: PairsOf<Name>,
  options: ResamplingOptions & { readonly metric?: OptionsOf<Name> } = {},
): Readonly<Record<string, Interval>> {
  const { samples, seed, confidence } = resamplingOptions(options, 1000);
  const { size, score } = resampler(metric, pairs, options.metric);
  const below = stream(seed);
  const positions = new Int32Array(size);
  const columns = collect(size > 0 ? samples : 0, () => score(draw(positions, size, below)));
  const values = Object.entries(score(everyPosition(size)));
  return Object.fromEntries(
    values.map(([key, value]) => [key, interval(value, columns[key] ?? new Float64Array(0), confidence)]),
  );
}
