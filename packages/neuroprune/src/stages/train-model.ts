import { epochBatches } from '@neuroprune/evaluate';
import { type Method, type TrainResult, type TrainRunEvent, train } from '@neuroprune/prune';
import type { RunContext } from '../context.js';
import type { Prepared } from './prepare.js';
import type { Recipe } from './recipe.js';

/** Trains from the same start on the same batches with a method; `log` is told of every event besides. */
export function trainModel(
  { loaded, train: rows, maxLength }: Prepared,
  recipe: Recipe,
  method: Method,
  { signal, onEvent }: RunContext,
  log: (event: TrainRunEvent) => void = () => {},
): Promise<TrainResult> {
  const { batchSize, seed, maxSteps } = recipe;
  return train(
    {
      model: loaded.model,
      loss: lossOf(rows.regression),
      groups: loaded.prunable,
      method,
      batches: (epoch) => epochBatches(rows, { batchSize, seed, epoch }),
      epochs: recipe.epochs,
      ...(maxSteps === undefined ? {} : { maxSteps }),
      lr: recipe.lr,
      schedule: recipe.schedule,
      warmup: recipe.warmup,
      weightDecay: recipe.weightDecay,
      dropout: recipe.dropout,
      seed,
      session: { device: recipe.device, threads: recipe.threads },
      maxLength,
    },
    {
      signal,
      onEvent: (event) => {
        log(event);
        onEvent({ ...event });
      },
    },
  );
}

/** The loss of classes or of scores. */
export const lossOf = (regression: boolean): 'crossEntropy' | 'meanSquaredError' =>
  regression ? 'meanSquaredError' : 'crossEntropy';

/** Optimizer steps of a run, as the trainer counts them. */
export function stepsOf({ train: { rows } }: Prepared, { epochs, batchSize, maxSteps }: Recipe): number {
  const steps = Math.round(Math.ceil(rows.length / batchSize) * epochs);
  return Math.min(steps, maxSteps ?? Number.POSITIVE_INFINITY);
}
