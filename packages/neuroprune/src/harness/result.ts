import type { Latency } from './latency.js';

/** A metric's value with the interval that resampled rows give; rates are 0…1. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Scores of one model on one task. */
export interface Scored {
  /** As it was asked. */
  readonly model: string;
  readonly task: string;
  /** Version of the task's row; 1 for data sets of one's own. */
  readonly version: number;
  readonly split: string;
  readonly examples: number;
  /** Empty where the rows have no labels. */
  readonly metrics: Readonly<Record<string, number>>;
  /** By the keys of `metrics`, at 95 %. */
  readonly intervals: Readonly<Record<string, Interval>>;
  /** Data set, and its commit on the Hub; null for a local folder. */
  readonly dataset: { readonly id: string; readonly config?: string; readonly commit: string | null };
  /** The file its predictions were written to. */
  readonly predictions?: string;
}

/** What `evaluate` found: a row a model and task, in the order asked. */
export interface Evaluated {
  /** The first model. */
  readonly model: string;
  readonly models: readonly string[];
  readonly device: string;
  readonly evaluation: readonly Scored[];
  readonly latency?: readonly Latency[];
  /** Files for the leaderboard. */
  readonly submission?: readonly string[];
}
