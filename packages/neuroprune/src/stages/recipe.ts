import { availableParallelism } from 'node:os';
import type { Task } from '@neuroprune/evaluate';
import type { Course, Method } from '@neuroprune/prune';
import type { Device } from '@neuroprune/runtime';
import type { Dtype } from '../schema/dtype.js';
import type { VerbOptions } from '../schema/verbs.js';
import { methodOf, type PruneChoice } from './method.js';
import { type OptionalRecipe, optionalRecipe, warmupOf } from './recipe-options.js';

/** Options of a training run as the schemas give them. */
export type TrainingOptions = VerbOptions<'finetune'> & PruneChoice & Pick<VerbOptions<'prune'>, 'baseline'>;

/** The same with what was left to the machine settled. */
export type ResolvedOptions = TrainingOptions & { readonly device: Device; readonly accumulate: number };

/** How a run trains and prunes, every default filled in. */
export interface Recipe extends OptionalRecipe {
  readonly task: Task['name'];
  readonly method: Method;
  /** Whether the same steps are taken densely too, to compare with. */
  readonly baseline?: 'dense';
  readonly epochs: number;
  readonly maxSteps?: number;
  readonly batchSize: number;
  readonly lr: number;
  readonly schedule: Course;
  readonly warmup: number;
  readonly weightDecay: number;
  readonly dropout: number;
  readonly maxLength: number;
  /** What stands before and after each source of a task of texts. */
  readonly texts?: { readonly prefix?: string; readonly suffix?: string };
  /** Validation rows for which the trained model writes texts that are scored; 200 where absent. */
  readonly writeRows?: number;
  /** Whether sequences hold several rows in training. */
  readonly packing?: true;
  /** Precisions of the ONNX files beside float32. */
  readonly dtype?: readonly Dtype[];
  readonly seed: number;
  /** Seeds of a run of several, from `seed` on; its folder holds the files of one of them. */
  readonly seeds?: number;
  /** Steps whose loss or gradient is not finite are left out, instead of ending the run. */
  readonly onNan?: 'skip';
  readonly device: Device;
  readonly threads: number;
}

/** Fills a task's recipe into what the options leave open. */
export function recipeOf(options: ResolvedOptions, { name, recipe }: Pick<Task, 'name' | 'recipe'>): Recipe {
  const { maxSteps, baseline, schedule = recipe.schedule } = options;
  return {
    task: name,
    method: methodOf(options),
    ...(baseline === undefined ? {} : { baseline }),
    epochs: options.epochs ?? recipe.epochs,
    ...(maxSteps === undefined ? {} : { maxSteps }),
    batchSize: options.batchSize ?? recipe.batchSize,
    lr: options.lr ?? recipe.learningRate,
    schedule,
    warmup: options.warmup ?? warmupOf(schedule, recipe.warmup),
    weightDecay: options.weightDecay ?? recipe.weightDecay,
    dropout: options.dropout ?? recipe.dropout,
    maxLength: options.maxLength ?? recipe.maxLength,
    ...optionalRecipe(options),
    ...textsOf(options),
    ...(options.writeRows !== undefined && { writeRows: options.writeRows }),
    ...(options.packing && { packing: true }),
    ...(options.dtype && { dtype: options.dtype }),
    seed: options.seed,
    ...(options.onNan === 'skip' && { onNan: options.onNan }),
    device: options.device,
    threads: options.threads ?? availableParallelism(),
  };
}

function textsOf({ sourcePrefix: prefix, sourceSuffix: suffix }: TrainingOptions): Pick<Recipe, 'texts'> {
  if (prefix === undefined && suffix === undefined) return {};
  return { texts: { ...(prefix !== undefined && { prefix }), ...(suffix !== undefined && { suffix }) } };
}
