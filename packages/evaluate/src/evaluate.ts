import type { Batch } from '@neuroprune/runtime';
import { evaluationBatches } from './batches.js';
import type { EncodedRows } from './encode.js';
import { EvaluateError } from './error.js';
import { labelMetrics, type MetricName } from './metrics/metrics.js';
import { signature } from './metrics/signature.js';
import { outputCount, type Task } from './tasks.js';

/** A model as the harness sees it: a batch in, logits [B, outputs] out, row by row. */
export type Predict = (batch: Batch) => Promise<Float32Array>;

/** What a model made of one row. */
export interface Prediction {
  readonly id: number;
  /** NaN for a row without a label; in files null. */
  readonly label: number;
  /** The class of the largest logit (the first of equals), or the score. */
  readonly prediction: number;
  readonly logits: readonly number[];
}

/** Values of a task's metrics on a split, by their keys; rates are 0…1 and NaN where a metric is undefined. */
export interface TaskScore {
  readonly task: string;
  readonly split: string;
  readonly examples: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** How each metric was computed, by its name, in the syntax of sacreBLEU's. */
  readonly signatures: Readonly<Record<string, string>>;
  /** One a row, in the order of the rows. */
  readonly predictions: readonly Prediction[];
}

/** Told after every batch. */
export interface ScoreEvent {
  readonly type: 'evaluate';
  readonly task: string;
  readonly split: string;
  /** Rows done so far. */
  readonly done: number;
  readonly total: number;
}

/** Settings of `scoreTask`. */
export interface ScoreOptions {
  /** Name of the split the rows are from, for the record; the task's validation split by default. */
  readonly split?: string;
  readonly batchSize?: number;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: ScoreEvent) => void) | undefined;
}

const argmax = (logits: readonly number[]): number =>
  logits.reduce((best, value, i) => (value > logits[best]! ? i : best), 0);

/** Logits [B, outputs] as a list a row; refuses another number of outputs, and numbers that are not finite. */
export function rowLogits(task: Task, logits: Float32Array, rows: number): number[][] {
  const outputs = outputCount(task);
  if (logits.length !== rows * outputs) {
    throw new EvaluateError(
      'input',
      `${task.name}: expected ${outputs} logits a row, got ${logits.length / rows}; the model's head is for another task`,
    );
  }
  const bad = logits.find((value) => !Number.isFinite(value));
  if (bad !== undefined)
    throw new EvaluateError('job', `${task.name}: expected finite logits, got ${bad}; the model has diverged`);
  return Array.from({ length: rows }, (_, i) => Array.from(logits.subarray(i * outputs, (i + 1) * outputs)));
}

/** What a model made of a row, from its logits. */
export const predictionOf = (
  task: Task,
  { id, label }: { readonly id: number; readonly label: number },
  logits: readonly number[],
): Prediction => ({ id, label, prediction: task.labels === 'score' ? logits[0]! : argmax(logits), logits });

/** Options with which a task computes its metrics: F1, precision and recall of three classes or more are macro averages. */
export const metricOptions = (task: Task): { readonly average?: 'macro' } =>
  outputCount(task) > 2 ? { average: 'macro' } : {};

const averaged: ReadonlySet<MetricName> = new Set(['f1', 'precision', 'recall']);

/** How each of a task's metrics is computed, by its name. */
export const labelSignatures = (task: Task): Readonly<Record<string, string>> =>
  Object.fromEntries(
    task.metrics.map((name) => {
      const { average = 'binary' } = metricOptions(task);
      return [name, signature(averaged.has(name) ? { average } : {})];
    }),
  );

/** The task's metrics of some predictions, under the keys of Hugging Face evaluate. */
export function taskMetrics(task: Task, predictions: readonly Prediction[]): Record<string, number> {
  const predicted = predictions.map((row) => row.prediction);
  const labels = predictions.map((row) => row.label);
  const values = task.metrics.map((name) => labelMetrics[name](predicted, labels, metricOptions(task)));
  return Object.assign({}, ...values);
}

/**
 * Runs a model over all rows of a split and scores it by the task's metrics.
 * @throws EvaluateError where the number of logits is not the task's (`input`) or one is not finite (`job`); the signal's reason.
 */
export async function scoreTask(
  task: Task,
  predict: Predict,
  set: EncodedRows,
  options: ScoreOptions = {},
): Promise<TaskScore> {
  const { split = task.splits.validation, batchSize = 32, signal, onEvent } = options;
  const total = set.rows.length;
  const predictions: Prediction[] = new Array(total);
  let done = 0;
  for (const { batch, order } of evaluationBatches(set, batchSize)) {
    signal?.throwIfAborted();
    for (const [i, logits] of rowLogits(task, await predict(batch), batch.rows).entries()) {
      predictions[order[i]!] = predictionOf(task, set.rows.at(order[i]!)!, logits);
    }
    done += order.length;
    onEvent?.({ type: 'evaluate', task: task.name, split, done, total });
  }
  const metrics = taskMetrics(task, predictions);
  return { task: task.name, split, examples: total, metrics, signatures: labelSignatures(task), predictions };
}
