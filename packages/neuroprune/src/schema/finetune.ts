import { z } from 'zod';
import { training } from './training.js';

/** Dense training with the same trainer. */
export const FinetuneOptions = z.strictObject(training);
