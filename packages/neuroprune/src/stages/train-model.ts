import { type CheckpointOptions, type Method, type TrainRequest, type TrainResult, train } from '@neuroprune/prune';
import type { RunContext } from '../context.js';
import type { OfRun } from '../events.js';
import { testStop } from './checkpoints.js';
import { advisedOnMemory, trainingAdvice } from './out-of-memory.js';
import type { Prepared } from './prepare.js';
import type { Recipe } from './recipe.js';
import { sessionOf } from './session.js';
import { type Teaching, teach } from './teacher.js';
import { watched } from './watch.js';
import type { Steps } from './workload.js';

/** How a training is watched and kept. */
export interface Watch {
  readonly checkpoint?: CheckpointOptions;
  /** Which training of the run it is, where it is not that of the method. */
  readonly run?: OfRun['run'];
}

/** Trains from the same start on the same batches with a method. */
export async function trainModel(
  prepared: Prepared,
  recipe: Recipe,
  method: Method,
  context: RunContext,
  { checkpoint, run }: Watch = {},
): Promise<TrainResult> {
  const { signal, onEvent, env } = context;
  const work = (request: TrainRequest) =>
    train(request, {
      signal,
      ...(checkpoint ? { checkpoint } : {}),
      ...testStop(env),
      onEvent: (event) => onEvent(run === undefined ? event : { ...event, run }),
    });
  return advisedOnMemory(trainingAdvice(recipe), () => withRequest(prepared, recipe, method, context, work));
}

/** Does work with what the trainer is asked; a teacher is there meanwhile. */
export async function withRequest<T>(
  prepared: Prepared,
  recipe: Recipe,
  method: Method,
  context: RunContext,
  work: (request: TrainRequest) => Promise<T>,
): Promise<T> {
  const { loaded, work: kind, maxLength } = prepared;
  const { seed, maxSteps } = recipe;
  const data = kind.steps(recipe);
  await using teaching = await teachingOf(prepared, recipe, data);
  return await work({
    model: data.model,
    batches: data.batches,
    loss: data.loss,
    groups: loaded.prunable,
    method,
    epochs: recipe.epochs,
    ...(maxSteps === undefined ? {} : { maxSteps }),
    lr: recipe.lr,
    schedule: recipe.schedule,
    warmup: recipe.warmup,
    weightDecay: recipe.weightDecay,
    dropout: recipe.dropout,
    ...asked(prepared, recipe),
    ...watched(prepared, recipe, context),
    ...(teaching && { distill: teaching.distill, teacher: teaching.teacher }),
    seed,
    ...(recipe.onNan && { onNan: recipe.onNan }),
    session: sessionOf(recipe),
    maxLength,
  });
}

/** Options of the trainer that are off unless the recipe has them. */
function asked({ splits, loaded: { buffers } }: Prepared, recipe: Recipe): Partial<TrainRequest> {
  const { accumulate, maxGradNorm, layerDecay, labelSmoothing, classWeights, freeze, ema, precision } = recipe;
  const weights = classWeights === 'balanced' ? balanced(splits.train.stats.classes ?? []) : classWeights;
  return {
    ...(accumulate !== undefined && { accumulate }),
    ...(maxGradNorm !== undefined && { maxGradNorm }),
    ...(layerDecay !== undefined && { layerDecay }),
    ...(labelSmoothing !== undefined && { labelSmoothing }),
    ...(weights !== undefined && { classWeights: weights }),
    ...((freeze !== undefined || buffers.length > 0) && { freeze: [...(freeze ?? []), ...buffers] }),
    ...(ema !== undefined && { ema }),
    ...(precision !== undefined && precision !== 'tf32' && { precision }),
  };
}

/** rows / (classes · rows of the class), as scikit-learn's `balanced`; 1 for a class without rows. */
const balanced = (counts: readonly number[]): number[] => {
  const rows = counts.reduce((a, b) => a + b, 0);
  return counts.map((count) => (count === 0 ? 1 : rows / (counts.length * count)));
};

async function teachingOf({ loaded, teacher }: Prepared, recipe: Recipe, data: Steps): Promise<Teaching | undefined> {
  const { distill } = recipe;
  if (!teacher || !distill) return undefined;
  const { model: student, packing } = data;
  return teach({
    student,
    loaded,
    taught: teacher,
    recipe: distill,
    regression: data.loss === 'meanSquaredError',
    ...(packing !== undefined && { packing }),
    session: sessionOf(recipe),
  });
}

/** Optimizer steps of a run, as the trainer counts them. */
export function stepsOf({ work: { rows } }: Prepared, { epochs, batchSize, accumulate = 1, maxSteps }: Recipe): number {
  const steps = Math.round(Math.ceil(Math.ceil(rows.train / batchSize) / accumulate) * epochs);
  return Math.min(steps, maxSteps ?? Number.POSITIVE_INFINITY);
}
