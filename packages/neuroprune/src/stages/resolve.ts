import type { Task } from '@neuroprune/evaluate';
import type { RunContext } from '../context.js';
import { settleDevice } from './device.js';
import type { Recipe, ResolvedOptions, TrainingOptions } from './recipe.js';

/** What a run was asked before, where it goes on. */
export interface Stored extends Pick<Recipe, 'device' | 'threads' | 'batchSize' | 'accumulate'> {
  /** Whether it needs its device no more. */
  readonly isFinished: boolean;
}

/**
 * Settles what options leave to the machine: device, threads and the type of products, and how many batches make a step where a run that goes on
 * has settled that.
 */
export async function resolveOptions<T extends TrainingOptions>(
  options: T,
  stored: Stored | undefined,
  { recipe }: Pick<Task, 'recipe'>,
  context: Pick<RunContext, 'onEvent'>,
): Promise<T & ResolvedOptions> {
  const { device: asked, precision, threads = stored?.threads } = options;
  const settle = () => settleDevice({ asked, stored: stored?.device, precision }, context);
  const device = stored?.isFinished && asked === 'auto' ? stored.device : await settle();
  const batches = batchesOf(options, stored, recipe.batchSize);
  return {
    ...options,
    ...(threads !== undefined && { threads }),
    ...(precision === undefined && device.startsWith('cuda') && { precision: 'tf32' }),
    device,
    ...batches,
  };
}

/** Without a run to go on with, a step is of one batch until it is known what there is room for. */
export function batchesOf(
  { batchSize, accumulate }: Pick<TrainingOptions, 'batchSize' | 'accumulate'>,
  stored: Pick<Stored, 'batchSize' | 'accumulate'> | undefined,
  ofTask: number,
): { accumulate: number; batchSize?: number } {
  if (accumulate !== 'auto') return { accumulate };
  const before = stored?.accumulate ?? 1;
  const isSame = stored !== undefined && stored.batchSize * before === (batchSize ?? ofTask);
  return isSame ? { accumulate: before, batchSize: stored.batchSize } : { accumulate: 1 };
}
