import type { Course } from '@neuroprune/prune';
import type { Precision } from '../schema/precision.js';
import { isWatched } from '../schema/recipe.js';
import type { VerbOptions } from '../schema/verbs.js';

/** How weights are scored during the training. */
export interface WatchRecipe {
  readonly on: 'held-out' | 'validation';
  /** Steps between two scores; an epoch where absent. */
  readonly every?: number;
  /** Scores without a better one after which training ends. */
  readonly patience?: number;
  readonly keepBest?: true;
}

/** What is learnt from a dense model. */
export interface DistillRecipe {
  /** As the caller named it. */
  readonly teacher: string;
  /** Part of the loss that compares logits; half of it where absent, nothing for scores. */
  readonly weight?: number;
  readonly temperature: number;
  /** Weight of the difference of hidden states. */
  readonly hidden: number;
}

/** The parts of a recipe that are off unless asked for; what is off is absent. */
export interface OptionalRecipe {
  /** Batches a step. */
  readonly accumulate?: number;
  readonly maxGradNorm?: number;
  readonly layerDecay?: number;
  readonly labelSmoothing?: number;
  readonly classWeights?: 'balanced' | readonly number[];
  readonly freeze?: readonly string[];
  readonly ema?: number;
  readonly precision?: Exclude<Precision, 'fp32'>;
  readonly watch?: WatchRecipe;
  readonly distill?: DistillRecipe;
}

type Options = VerbOptions<'finetune'> & { readonly accumulate: number };

/** The optional parts that options ask for. */
export function optionalRecipe(options: Options): OptionalRecipe {
  const { maxGradNorm, layerDecay, labelSmoothing, classWeights, freeze, ema, precision, accumulate } = options;
  return {
    ...(accumulate > 1 && { accumulate }),
    ...(maxGradNorm !== undefined && { maxGradNorm }),
    ...(layerDecay !== undefined && { layerDecay }),
    ...(labelSmoothing !== undefined && { labelSmoothing }),
    ...(classWeights !== undefined && { classWeights }),
    ...(freeze !== undefined && { freeze }),
    ...(ema !== undefined && { ema }),
    ...(precision !== undefined && precision !== 'fp32' && { precision }),
    ...(isWatched(options) && { watch: watchOf(options) }),
    ...(options.teacher !== undefined && { distill: distillOf(options, options.teacher) }),
  };
}

function watchOf({ evaluateEvery = 'epoch', evaluateOn, earlyStopping, keepBest }: Options): WatchRecipe {
  return {
    on: evaluateOn ?? 'held-out',
    ...(evaluateEvery !== 'epoch' && { every: Number(evaluateEvery) }),
    ...(earlyStopping !== undefined && { patience: earlyStopping }),
    ...(keepBest && { keepBest }),
  };
}

function distillOf(options: Options, teacher: string): DistillRecipe {
  const { distillWeight: weight, distillTemperature: temperature = 2, distillHidden: hidden = 0 } = options;
  return { teacher, ...(weight !== undefined && { weight }), temperature, hidden };
}

/** Share of the steps to the highest rate in PyTorch's `OneCycleLR`. */
const ONE_CYCLE_RISE = 0.3;

/** The warm-up of a schedule where none is asked for. */
export const warmupOf = (schedule: Course, ofTask: number): number =>
  schedule === 'one-cycle' ? ONE_CYCLE_RISE : ofTask;
