import { z } from 'zod';
import { requireData } from './data.js';
import { pruning, requireSparsity } from './pruning.js';
import { requireRecipe } from './recipe.js';
import { training } from './training.js';

/** Trains sparse, evaluates, compacts and proves; leaves a run folder. */
export const PruneOptions = z
  .strictObject({ ...training, ...pruning })
  .superRefine(requireData)
  .superRefine(requireRecipe)
  .superRefine(requireSparsity);
