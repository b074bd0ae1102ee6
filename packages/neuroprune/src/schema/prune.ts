import { z } from 'zod';
import { pruning, requireSparsity } from './pruning.js';
import { training } from './training.js';

/** Trains sparse, evaluates, compacts and proves; leaves a run folder. */
export const PruneOptions = z.strictObject({ ...training, ...pruning }).superRefine(requireSparsity);
