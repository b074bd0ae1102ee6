import { EvaluateError } from '../error.js';
import type { Values } from '../metrics/pairs.js';
import { stream } from '../random.js';
import {
  collect,
  draw,
  everyPosition,
  type Interval,
  interval,
  type ResamplingOptions,
  resamplingOptions,
} from './confidence.js';
import { type OptionsOf, type PairsOf, type ResampledMetric, type Resampler, resampler } from './resampler.js';

/** The tests: shuffling which model a prediction is from, or drawing the examples anew for both. */
export type PairedMethod = 'randomization' | 'bootstrap';

/** Two models on the same examples. */
export interface PairedInput<Name extends ResampledMetric> {
  readonly metric: Name;
  readonly baseline: PairsOf<Name>[0];
  readonly system: PairsOf<Name>[0];
  readonly references: PairsOf<Name>[1];
}

/** Settings of `pairedTest`. */
export interface PairedOptions<Name extends ResampledMetric> extends ResamplingOptions {
  /** `randomization` by default. */
  readonly method?: PairedMethod;
  /**
   * Counts resamples that are farther apart only, as sacreBLEU does. By default those just as far count too, without which
   * few differing examples of a rate seem significant; for corpus scores of texts the two hardly differ.
   */
  readonly strict?: boolean;
  readonly metric?: OptionsOf<Name>;
}

/** What a paired test says of one value. */
export interface PairedValue {
  readonly baseline: number;
  readonly system: number;
  /** system − baseline. */
  readonly difference: number;
  /** Two-sided, (c + 1) / (n + 1) with c of n resamples as far apart by chance. */
  readonly pValue: number;
  /** Of the two models, where the method draws them. */
  readonly intervals?: { readonly baseline: Interval; readonly system: Interval };
}

/** What `pairedTest` returns. */
export interface PairedResult {
  readonly method: PairedMethod;
  readonly samples: number;
  readonly seed: number;
  readonly values: Readonly<Record<string, PairedValue>>;
  /** The metric's signature with the test in it, as sacreBLEU writes it. */
  readonly signature?: string;
}

type Draw = () => readonly [baseline: Int32Array, system: Int32Array];

// The pool holds the baseline's predictions, then the system's: a position and the one `size` on are one example's.
const draws = {
  randomization: (size, seed) => {
    const below = stream(seed);
    const [a, b] = [new Int32Array(size), new Int32Array(size)];
    return () => {
      let coins = 0;
      for (let i = 0; i < size; i++) {
        // One draw is 32 tosses.
        coins = i % 32 === 0 ? below(2 ** 32) : coins >>> 1;
        const swap = (coins & 1) === 1;
        a[i] = swap ? i + size : i;
        b[i] = swap ? i : i + size;
      }
      return [a, b];
    };
  },
  bootstrap: (size, seed) => {
    const below = stream(seed);
    const [a, b] = [new Int32Array(size), new Int32Array(size)];
    return () => {
      draw(a, size, below);
      for (let i = 0; i < size; i++) b[i] = a[i]! + size;
      return [a, b];
    };
  },
} satisfies Record<PairedMethod, (size: number, seed: number) => Draw>;

// Rounding must not part two shuffles that are equally far.
const isAsFar = (sample: number, difference: number, strict: boolean): boolean =>
  strict ? sample > difference : sample >= difference - 1e-12 * Math.abs(difference);

function pValue(method: PairedMethod, gaps: Float64Array, difference: number, strict: boolean): number {
  if (Number.isNaN(difference)) return Number.NaN;
  // The bootstrap's gaps lie around the true one: without their mean they are what chance alone gives.
  const centre = method === 'bootstrap' ? gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length : 0;
  const count = gaps.filter((gap) => isAsFar(gap - centre, difference, strict)).length;
  return (count + 1) / (gaps.length + 1);
}

function pool<Name extends ResampledMetric>(input: PairedInput<Name>, options: OptionsOf<Name> | undefined): Resampler {
  const { metric, baseline, system, references } = input;
  if (baseline.length !== system.length || baseline.length !== references.length) {
    throw new EvaluateError(
      'input',
      `paired test: expected predictions of both models for the same ${references.length} examples, got ${baseline.length} and ${system.length}`,
    );
  }
  const twice = <T>(a: ArrayLike<T>, b: ArrayLike<T>): T[] => [...Array.from(a), ...Array.from(b)];
  const pairs = [twice<unknown>(baseline, system), twice<unknown>(references, references)] as unknown as PairsOf<Name>;
  const { sampleWeight } = (options ?? {}) as { readonly sampleWeight?: Values };
  const weights = sampleWeight && { sampleWeight: twice(sampleWeight, sampleWeight) };
  return resampler(metric, pairs, { ...options, ...weights } as OptionsOf<Name>);
}

/**
 * Whether two models differ on the same examples by more than chance: approximate randomization (Noreen, "Computer-intensive
 * methods for testing hypotheses", 1989; Riezler and Maxwell, 2005) or paired bootstrap (Koehn, "Statistical significance
 * tests for machine translation evaluation", 2004), as sacreBLEU 2.6.0's `--paired-ar` and `--paired-bs`, for any metric.
 * @throws EvaluateError (`input`) where the counts of predictions and references differ, or there are none.
 */
export function pairedTest<Name extends ResampledMetric>(
  input: PairedInput<Name>,
  options: PairedOptions<Name> = {},
): PairedResult {
  const { method = 'randomization', strict = false } = options;
  const { samples, seed, confidence } = resamplingOptions(options, method === 'randomization' ? 10_000 : 1000);
  const both = pool(input, options.metric);
  const size = both.size / 2;
  if (size === 0) throw new EvaluateError('input', 'paired test: expected examples, got none');
  const own = everyPosition(size);
  const [baseline, system] = [both.score(own), both.score(own.map((i) => i + size))];
  const next = draws[method](size, seed);
  const columns = collect(samples, () => {
    const [a, b] = next();
    const [left, right] = [both.score(a), both.score(b)];
    return Object.fromEntries(
      Object.keys(baseline).flatMap((key) => [
        [`a ${key}`, left[key]!],
        [`b ${key}`, right[key]!],
      ]),
    );
  });
  const value = (key: string): PairedValue => {
    const [from, to] = [baseline[key]!, system[key]!];
    const [left, right] = [columns[`a ${key}`]!, columns[`b ${key}`]!];
    const gaps = left.map((score, t) => Math.abs(right[t]! - score));
    const p = pValue(method, gaps, Math.abs(to - from), strict);
    const intervals = { baseline: interval(from, left, confidence), system: interval(to, right, confidence) };
    return {
      baseline: from,
      system: to,
      difference: to - from,
      pValue: p,
      ...(method === 'bootstrap' && { intervals }),
    };
  };
  return {
    method,
    samples,
    seed,
    values: Object.fromEntries(Object.keys(baseline).map((key) => [key, value(key)])),
    ...(both.signature && { signature: both.signature({ [method === 'bootstrap' ? 'bs' : 'ar']: samples, seed }) }),
  };
}
