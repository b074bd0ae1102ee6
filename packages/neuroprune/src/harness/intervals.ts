import {
  confidenceIntervals,
  metricOptions,
  type PairedInput,
  type PairsOf,
  type Prediction,
  pairedTest,
  type References,
  type ResampledMetric,
  type Task,
  type Texts,
  textMetricOptions,
  type Values,
} from '@neuroprune/evaluate';
import type { PairScore } from './pair-score.js';
import type { Interval, Paired } from './result.js';
import type { ClassScore } from './score-pair.js';

/** Rows that all resamples of a metric may go through together: with more rows there are fewer resamples. */
const MOST_ROWS = 40_000_000;

/** Resamples below which an interval says nothing. */
const LEAST = 200;

/** Resamples for so many rows, out of those asked. */
const samplesFor = (asked: number, rows: number): number =>
  Math.min(asked, Math.max(LEAST, Math.floor(MOST_ROWS / Math.max(1, rows))));

const predicted = (rows: readonly Prediction[]): Float64Array =>
  Float64Array.from(rows, ({ prediction }) => prediction);
const labels = (rows: readonly Prediction[]): Float64Array => Float64Array.from(rows, ({ label }) => label);

/** A metric with its options, and what it compares. */
interface Sides {
  readonly metric: ResampledMetric;
  readonly options: object;
  readonly predictions: Values | Texts;
  readonly references: Values | References;
}

/** The metrics of a task on what a model made of its rows; none where rows have nothing to be compared with. */
function sidesOf(score: PairScore): readonly Sides[] {
  if (score.predictions.length === 0) return [];
  if (score.kind === 'texts') {
    const { task, predictions } = score;
    if (predictions.some(({ references }) => references.length === 0)) return [];
    const texts = predictions.map(({ generated }) => generated);
    const references = predictions.map((row) => row.references);
    return task.metrics.map((metric) => ({
      metric,
      options: textMetricOptions(task, metric),
      predictions: texts,
      references,
    }));
  }
  if (score.kind === 'likelihoods') {
    const sums = score.predictions.map(({ nll }) => nll);
    const tokens = score.predictions.map((row) => row.tokens);
    return [{ metric: 'perplexity', options: {}, predictions: sums, references: tokens }];
  }
  const { task, predictions } = score;
  if (predictions.some(({ label }) => Number.isNaN(label))) return [];
  const sides = { predictions: predicted(predictions), references: labels(predictions) };
  return task.metrics.map((metric) => ({ metric, options: metricOptions(task), ...sides }));
}

/** Intervals of a task's metrics at 95 %, by percentile bootstrap over the rows; none for `resamples` of 0. */
export function intervalsOf(score: PairScore, resamples: number): Readonly<Record<string, Interval>> {
  if (resamples === 0) return {};
  const samples = samplesFor(resamples, score.predictions.length);
  const all = sidesOf(score).map(({ metric, options, predictions, references }) =>
    confidenceIntervals(metric, [predictions, references] as PairsOf<typeof metric>, { samples, metric: options }),
  );
  const entries = Object.entries(Object.assign({}, ...all) as ReturnType<typeof confidenceIntervals>);
  return Object.fromEntries(
    entries.map(([key, { low, high, standardError }]) => [key, { low, high, standardError, samples }]),
  );
}

/** Whether a model differs from the first one on the same rows, by approximate randomization; undefined where they cannot be compared. */
export function pairedOf(
  first: PairScore,
  score: PairScore,
  resamples: number,
): Readonly<Record<string, Paired>> | undefined {
  const sides = sidesOf(score);
  const baseline = baselineOf(first, score);
  if (resamples === 0 || sides.length === 0 || baseline === undefined || baseline.length !== score.predictions.length)
    return undefined;
  const samples = samplesFor(resamples, baseline.length);
  const values = sides.map(({ metric, options, predictions, references }) => {
    const input = { metric, baseline, system: predictions, references } as PairedInput<typeof metric>;
    return pairedTest(input, { samples, metric: options }).values;
  });
  const entries = Object.entries(Object.assign({}, ...values) as (typeof values)[number]);
  return Object.fromEntries(entries.map(([key, { difference, pValue }]) => [key, { difference, pValue }]));
}

/** What the first model made of the same rows, as another's metrics take it; undefined where the rows are not the same. */
function baselineOf(first: PairScore, score: PairScore): Values | Texts | undefined {
  const rows = (one: PairScore): string =>
    JSON.stringify(
      one.kind === 'texts'
        ? one.predictions.map(({ id, references }) => [id, references])
        : one.kind === 'likelihoods'
          ? one.predictions.map(({ id, tokens }) => [id, tokens])
          : one.predictions.map(({ id }) => id),
    );
  if (first.kind !== score.kind || rows(first) !== rows(score)) return undefined;
  if (first.kind === 'texts') return first.predictions.map(({ generated }) => generated);
  if (first.kind === 'likelihoods') return first.predictions.map(({ nll }) => nll);
  return score.kind === 'classes' ? inOrderOf(score.task, first) : undefined;
}

/** Predictions with their classes as another model orders them; undefined where it has other classes. */
function inOrderOf(other: Task, { task, predictions }: ClassScore): Float64Array | undefined {
  if (task.labels === 'score' || other.labels === 'score') {
    return task.labels === other.labels ? predicted(predictions) : undefined;
  }
  const names = other.labels;
  const place = task.labels.map((name) => names.indexOf(name));
  return place.includes(-1) ? undefined : predicted(predictions).map((index) => place[index]!);
}
