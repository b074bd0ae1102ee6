import { type BatchList, tryBatch } from '@neuroprune/prune';
import { type Batch, isOutOfMemory, tokensIn } from '@neuroprune/runtime';
import type { RunContext } from '../context.js';
import { NeuropruneError } from '../error.js';
import type { Inputs } from './inputs.js';
import { memoryOf } from './memory.js';
import type { Recipe } from './recipe.js';
import { withRequest } from './train-model.js';

/** What came of trying a recipe's steps; a device that has no room may also say so by an error. */
export interface Attempt {
  readonly fits: boolean;
  /** Tokens of the longest row. */
  readonly length: number;
}

/**
 * Divides the batches of a recipe into as few as there is room for, so that a step is of the same number of rows: steps on
 * the longest batch of the first epoch are tried, from one batch a step on. Throws a job error where one row is too many.
 */
export async function fitAccumulate(
  recipe: Recipe,
  { onEvent }: Pick<RunContext, 'onEvent'>,
  attempt: (recipe: Recipe) => Promise<Attempt>,
): Promise<Recipe> {
  const { batchSize, device, accumulate: _, ...rest } = recipe;
  const tooMany: number[] = [];
  let cause: unknown;
  for (const accumulate of divisorsOf(batchSize)) {
    const rows = batchSize / accumulate;
    const divided: Recipe = { ...rest, device, batchSize: rows, ...(accumulate > 1 && { accumulate }) };
    try {
      const { fits, length } = await attempt(divided);
      if (fits) onEvent({ type: 'accumulate', accumulate, rows, length, device, tooMany });
      if (fits) return divided;
    } catch (error) {
      if (!isOutOfMemory(error)) throw error;
      cause = error;
    }
    tooMany.push(rows);
  }
  throw new NeuropruneError(
    'job',
    `--accumulate: expected room on ${device} for batches of one row, got none; lower --max-length, or try another --device`,
    { cause },
  );
}

/** Whole numbers that divide another, ascending. */
const divisorsOf = (value: number): number[] =>
  Array.from({ length: value }, (_, i) => i + 1).filter((divisor) => value % divisor === 0);

/** Tries steps of a prepared run, on the cpu only with the room they need by estimate: a process that takes more is killed. */
export function attemptOn(
  { prepared }: Pick<Inputs, 'prepared'>,
  context: RunContext,
): (recipe: Recipe) => Promise<Attempt> {
  return (recipe) =>
    withRequest(prepared, recipe, recipe.method, context, async (request) => {
      const batch = longestOf(request.batches(0));
      const { length } = batch;
      const { estimate, available } = memoryOf({ recipe, prepared });
      if (recipe.device === 'cpu' && recipe.batchSize > 1 && estimate > available) return { fits: false, length };
      await tryBatch(request, batch, { signal: context.signal });
      return { fits: true, length };
    });
}

/** The batch of most tokens, padding included. */
function longestOf(list: BatchList): Batch {
  let longest = list.at(0) as Batch;
  for (let i = 1; i < list.length; i++) {
    const batch = list.at(i) as Batch;
    if (tokensIn(batch) > tokensIn(longest)) longest = batch;
  }
  return longest;
}
