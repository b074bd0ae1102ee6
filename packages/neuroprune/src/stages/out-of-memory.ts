import { isOutOfMemory } from '@neuroprune/runtime';
import { NeuropruneError } from '../error.js';
import type { Recipe } from './recipe.js';

/** Does work; where memory runs out in it, the error says by which options it would need less. */
export async function advisedOnMemory<T>(advice: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isOutOfMemory(error) || error instanceof NeuropruneError) throw error;
    const said = (error as Error).message.replace(/^runtime: /, '').replace(/; use [^;]*$/, '');
    throw new NeuropruneError('job', `${said}; ${advice}`, { cause: error });
  }
}

/** What makes a training need less, steps of the same number of rows first. */
export function trainingAdvice({ batchSize, accumulate = 1 }: Pick<Recipe, 'batchSize' | 'accumulate'>): string {
  if (batchSize === 1) return 'try a lower --max-length';
  const half = `--batch-size ${Math.ceil(batchSize / 2)} --accumulate ${2 * accumulate}`;
  return `try --accumulate auto${accumulate > 1 ? ` with --batch-size ${batchSize * accumulate}` : ''}, ${half}, or a lower --max-length`;
}
