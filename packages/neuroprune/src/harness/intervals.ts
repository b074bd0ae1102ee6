import { type Prediction, type Task, taskMetrics } from '@neuroprune/evaluate';
import type { Interval } from './result.js';

/** Placeholder until the package's own resampling is there. */
export function intervalsOf(task: Task, predictions: readonly Prediction[]): Record<string, Interval> {
  void taskMetrics(task, predictions);
  return {};
}
