import { z } from 'zod';

// Bounds keep a hostile config.json from asking for work before the weights' shapes contradict it.

/** A count of dimensions, words, heads or positions. */
export const size = z.int().positive().max(10_000_000);

/** A number of layers. */
export const layers = z.int().positive().max(1_000);

/** A share that dropout takes. */
export const share = z.number().min(0).max(1);
