import { epochBatches, packedBatches, packLength } from '@neuroprune/evaluate';
import { buildModel } from '@neuroprune/models';
import { type CheckpointOptions, type Method, type TrainResult, train } from '@neuroprune/prune';
import type { RunContext } from '../context.js';
import type { OfRun } from '../events.js';
import { testStop } from './checkpoints.js';
import type { Prepared } from './prepare.js';
import type { Recipe } from './recipe.js';

/** How a training is watched and kept. */
export interface Watch {
  readonly checkpoint?: CheckpointOptions;
  /** Which training of the run it is, where it is not that of the method. */
  readonly run?: OfRun['run'];
}

/** Trains from the same start on the same batches with a method. */
export function trainModel(
  prepared: Prepared,
  recipe: Recipe,
  method: Method,
  { signal, onEvent, env }: RunContext,
  { checkpoint, run }: Watch = {},
): Promise<TrainResult> {
  const { loaded, train: rows, maxLength } = prepared;
  const { seed, maxSteps } = recipe;
  return train(
    {
      ...stepsOfData(prepared, recipe),
      loss: lossOf(rows.regression),
      groups: loaded.prunable,
      method,
      epochs: recipe.epochs,
      ...(maxSteps === undefined ? {} : { maxSteps }),
      lr: recipe.lr,
      schedule: recipe.schedule,
      warmup: recipe.warmup,
      weightDecay: recipe.weightDecay,
      dropout: recipe.dropout,
      seed,
      ...(recipe.onNan && { onNan: recipe.onNan }),
      session: { device: recipe.device, threads: recipe.threads },
      maxLength,
    },
    {
      signal,
      ...(checkpoint ? { checkpoint } : {}),
      ...testStop(env),
      onEvent: (event) => onEvent(run === undefined ? event : { ...event, run }),
    },
  );
}

/** The graph that is trained and its batches: a row each, or several in a sequence. */
function stepsOfData({ loaded, train: rows }: Prepared, { batchSize, seed, packing }: Recipe) {
  if (!packing) {
    return { model: loaded.model, batches: (epoch: number) => epochBatches(rows, { batchSize, seed, epoch }) };
  }
  const length = packLength(rows, batchSize);
  const { config, tensors, head } = loaded;
  return {
    model: buildModel({ config, tensors, labels: head.numLabels, packing: length }).model,
    batches: (epoch: number) => packedBatches(rows, { batchSize, seed, epoch, length }),
  };
}

/** The loss of classes or of scores. */
export const lossOf = (regression: boolean): 'crossEntropy' | 'meanSquaredError' =>
  regression ? 'meanSquaredError' : 'crossEntropy';

/** Optimizer steps of a run, as the trainer counts them. */
export function stepsOf({ train: { rows } }: Prepared, { epochs, batchSize, maxSteps }: Recipe): number {
  const steps = Math.round(Math.ceil(rows.length / batchSize) * epochs);
  return Math.min(steps, maxSteps ?? Number.POSITIVE_INFINITY);
}
