import { buildModel } from '@neuroprune/models';
import { inferenceGraph, type TrainRequest } from '@neuroprune/prune';
import type { RunContext } from '../context.js';
import type { Prepared } from './prepare.js';
import type { Recipe } from './recipe.js';

/** What the trainer needs to score weights; nothing where they are not scored. */
export function watched(
  { loaded, work }: Prepared,
  { watch, device, threads }: Recipe,
  context: RunContext,
): Pick<TrainRequest, 'watch' | 'score'> {
  if (!watch) return {};
  const { on: _, ...when } = watch;
  const { config, head, task } = loaded;
  const score: TrainRequest['score'] = async (tensors) => {
    const model = inferenceGraph(buildModel({ config, tensors, task, labels: head.numLabels }).model);
    return (await work.score(model, 'watched', context, { device, threads })).main;
  };
  return { watch: when, score };
}
