import type { Batch } from '@neuroprune/runtime';
import { PruneError } from '../errors.js';
import { liveHeadCount } from '../heads/attention-layer.js';
import { countWeights, countZeros, matricesOf, type PrunableLayer } from '../layer.js';
import type { TrainEvent, TrainRequest } from './request.js';

/** How long a run is. */
export interface Plan {
  readonly steps: number;
  readonly epochSteps: number;
  /** Batches of an epoch, one a step or several. */
  readonly epochBatches: number;
}

/** The steps that a request comes to. Throws an input error for none. */
export function planOf({ batches, epochs, maxSteps, accumulate = 1 }: TrainRequest): Plan {
  if (!(Number.isInteger(accumulate) && accumulate >= 1))
    throw new PruneError(`training: expected a whole number of batches a step from 1, got ${accumulate}`, 'input');
  const epochBatches = batches(0).length;
  const epochSteps = Math.ceil(epochBatches / accumulate);
  const steps = Math.min(Math.round(epochSteps * epochs), maxSteps ?? Number.POSITIVE_INFINITY);
  if (!(Number.isInteger(steps) && steps >= 1)) {
    const got = `${epochs} epochs of ${epochBatches} batches${maxSteps === undefined ? '' : ` and at most ${maxSteps}`}`;
    throw new PruneError(`training: expected a whole number of steps from 1, got ${got}`, 'input');
  }
  return { steps, epochSteps, epochBatches };
}

/** The largest batch that there may be. */
export function largestOf({ batches, maxLength }: TrainRequest): Pick<Batch, 'rows' | 'length'> {
  return { rows: batches(0).at(0)?.rows ?? 0, length: maxLength };
}

/** How much of the prunable layers is left. */
export type Density = Pick<TrainEvent, 'sparsity' | 'heads'>;

/** Counts zeros and live heads. */
export function densityOf(layers: readonly PrunableLayer[]): Density {
  const matrices = matricesOf(layers);
  return { sparsity: countZeros(matrices) / countWeights(matrices), heads: liveHeadCount(layers) };
}
