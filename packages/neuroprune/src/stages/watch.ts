import { scoreTask, sessionPredict } from '@neuroprune/evaluate';
import { buildModel } from '@neuroprune/models';
import { inferenceGraph, type TrainRequest } from '@neuroprune/prune';
import type { RunContext } from '../context.js';
import type { Prepared } from './prepare.js';
import type { Recipe } from './recipe.js';

/** What the trainer needs to score weights by the task's metric; nothing where they are not scored. */
export function watched(
  { task, loaded, watched: rows }: Prepared,
  { watch, device, threads }: Recipe,
  { signal, onEvent }: RunContext,
): Pick<TrainRequest, 'watch' | 'score'> {
  if (!watch || !rows) return {};
  const { on: _, ...when } = watch;
  const { config, head } = loaded;
  const score: TrainRequest['score'] = async (tensors) => {
    const model = inferenceGraph(buildModel({ config, tensors, labels: head.numLabels }).model);
    await using session = await sessionPredict(model, { device, threads });
    const options = { split: rows.split.name, signal, onEvent };
    const { metrics } = await scoreTask(task, session.predict, rows.rows, options);
    return metrics[task.mainMetric] ?? Number.NaN;
  };
  return { watch: when, score };
}
