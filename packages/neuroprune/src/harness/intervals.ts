import { confidenceIntervals, metricOptions, type Prediction, pairedTest, type Task } from '@neuroprune/evaluate';
import type { Interval, Paired } from './result.js';

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

/** Intervals of a task's metrics at 95 %, by percentile bootstrap over the rows; none for `resamples` of 0. */
export function intervalsOf(
  task: Task,
  predictions: readonly Prediction[],
  resamples: number,
): Readonly<Record<string, Interval>> {
  if (resamples === 0 || predictions.length === 0 || predictions.some(({ label }) => Number.isNaN(label))) return {};
  const samples = samplesFor(resamples, predictions.length);
  const pairs = [predicted(predictions), labels(predictions)] as const;
  const all = task.metrics.map((name) => confidenceIntervals(name, pairs, { samples, metric: metricOptions(task) }));
  const entries = Object.entries(Object.assign({}, ...all) as ReturnType<typeof confidenceIntervals>);
  return Object.fromEntries(
    entries.map(([key, { low, high, standardError }]) => [key, { low, high, standardError, samples }]),
  );
}

/** One model on one task. */
export interface Outcome {
  /** With its classes in the model's order. */
  readonly task: Task;
  readonly predictions: readonly Prediction[];
}

/** Whether a model differs from the first one on the same rows, by approximate randomization; undefined where they cannot be compared. */
export function pairedOf(
  first: Outcome,
  { task, predictions }: Outcome,
  resamples: number,
): Readonly<Record<string, Paired>> | undefined {
  const baseline = inOrderOf(task, first);
  const size = predictions.length;
  if (resamples === 0 || size === 0 || baseline?.length !== size) return undefined;
  if (predictions.some(({ id, label }, i) => id !== first.predictions[i]!.id || Number.isNaN(label))) return undefined;
  const samples = samplesFor(resamples, size);
  const input = { baseline, system: predicted(predictions), references: labels(predictions) };
  const values = task.metrics.map(
    (metric) => pairedTest({ metric, ...input }, { samples, metric: metricOptions(task) }).values,
  );
  const entries = Object.entries(Object.assign({}, ...values) as (typeof values)[number]);
  return Object.fromEntries(entries.map(([key, { difference, pValue }]) => [key, { difference, pValue }]));
}

/** Predictions with their classes as another model orders them; undefined where it has other classes. */
function inOrderOf(other: Task, { task, predictions }: Outcome): Float64Array | undefined {
  if (task.labels === 'score' || other.labels === 'score') {
    return task.labels === other.labels ? predicted(predictions) : undefined;
  }
  const names = other.labels;
  const place = task.labels.map((name) => names.indexOf(name));
  return place.includes(-1) ? undefined : predicted(predictions).map((index) => place[index]!);
}
