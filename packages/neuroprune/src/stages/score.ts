import { type EncodedRows, scoreTask, sessionPredict, type Task, type TaskScore } from '@neuroprune/evaluate';
import type { Model } from '@neuroprune/onnx';
import type { SessionOptions } from '@neuroprune/runtime';
import type { RunContext } from '../context.js';

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
    onEvent: (event) => onEvent({ ...event }),
  });
}
