import { z } from 'zod';
import { requireData } from './data.js';
import { requireRecipe } from './recipe.js';
import { training } from './training.js';

/** Dense training with the same trainer. */
export const FinetuneOptions = z.strictObject(training).superRefine(requireData).superRefine(requireRecipe);
