import type { SessionOptions } from '@neuroprune/runtime';
import type { Recipe } from './recipe.js';

/** How the sessions of a run compute. On cuda products are in TF32 unless float32 is asked for. */
export const sessionOf = ({ device, threads, precision }: Pick<Recipe, 'device' | 'threads' | 'precision'>) =>
  ({ device, threads, tf32: precision !== undefined }) satisfies SessionOptions;
