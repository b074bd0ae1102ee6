import { z } from 'zod';
import { requireData } from './data.js';
import { pruning, requireSparsity } from './pruning.js';
import { publishBest, publishing } from './publish.js';
import { requireRecipe } from './recipe.js';
import { training } from './training.js';

/** All stages of `prune`, then the push. */
export const PruneAndPublishOptions = z
  .strictObject({ ...training, ...pruning, ...publishing, publishBest })
  .superRefine(requireData)
  .superRefine(requireRecipe)
  .superRefine(requireSparsity);
