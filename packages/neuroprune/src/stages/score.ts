import { type EncodedRows, scoreTask, sessionPredict, type Task, type TaskScore } from '@neuroprune/evaluate';
import type { Model } from '@neuroprune/onnx';
import type { SessionOptions } from '@neuroprune/runtime';
import type { RunContext } from '../context.js';
import type { OfRun } from '../events.js';
import type { Inputs } from './inputs.js';
import type { Run } from './stage.js';
import type { SplitScore } from './workload.js';

/** Tells of the scores of a trained model, and warns where they are worse than those of chance. */
export function tellScore(
  { task }: Pick<Inputs, 'task'>,
  scored: SplitScore,
  of: OfRun & { readonly step: number },
  { context: { onEvent } }: Run,
): void {
  const { split, examples, metrics, warning } = scored;
  onEvent({ type: 'metrics', ...of, task: task.name, split, examples, metrics });
  if (warning !== undefined) onEvent({ type: 'warning', message: warning });
}

/** Scores a model, or an ONNX file, on a task's rows. */
export async function score(
  model: Model | string,
  task: Task,
  rows: EncodedRows,
  { signal, onEvent }: RunContext,
  options: SessionOptions & { readonly split: string; readonly batchSize?: number },
): Promise<TaskScore> {
  const { split, batchSize, ...session } = options;
  await using predictor = await sessionPredict(model, session);
  return await scoreTask(task, predictor.predict, rows, {
    split,
    ...(batchSize === undefined ? {} : { batchSize }),
    signal,
    onEvent,
  });
}
