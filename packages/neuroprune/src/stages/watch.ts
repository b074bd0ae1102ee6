import { buildModel } from '@neuroprune/models';
import { inferenceGraph, type TrainRequest } from '@neuroprune/prune';
import type { RunContext } from '../context.js';
import type { Prepared } from './prepare.js';
import type { Recipe } from './recipe.js';
import { sessionOf } from './session.js';

/** What the trainer needs to score weights; nothing where they are not scored. */
export function watched(
  { loaded, work }: Prepared,
  recipe: Recipe,
  context: RunContext,
): Pick<TrainRequest, 'watch' | 'score'> {
  const { watch } = recipe;
  if (!watch) return {};
  const { on: _, ...when } = watch;
  const { config, head, task } = loaded;
  const score: TrainRequest['score'] = async (tensors) => {
    const model = inferenceGraph(buildModel({ config, tensors, task, labels: head.numLabels }).model);
    return (await work.score(model, 'watched', context, sessionOf(recipe))).main;
  };
  return { watch: when, score };
}
