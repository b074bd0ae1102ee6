import { z } from 'zod';
import { requireData } from './data.js';
import { pruning, requireSparsity } from './pruning.js';
import { publishing } from './publish.js';
import { training } from './training.js';

/** All stages of `prune`, then the push. */
export const PruneAndPublishOptions = z
  .strictObject({ ...training, ...pruning, ...publishing })
  .superRefine(requireData)
  .superRefine(requireSparsity);
