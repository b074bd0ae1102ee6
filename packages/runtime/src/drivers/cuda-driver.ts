import { biasSoftmax } from './bias-softmax.js';
import type { Driver } from './driver.js';
import { loop } from './loop-driver.js';
import { rowSums, type SummedTypes } from './row-sums.js';
import { skipNorms } from './skip-norms.js';

const sums: SummedTypes = { over: ['float16', 'bfloat16'], along: ['float32', 'float16', 'bfloat16'] };

/** The loop, with fewer and larger kernels in it. */
export const cuda: Driver = {
  ...loop,
  modelsOf: (step, event) => loop.modelsOf(rowSums(skipNorms(biasSoftmax(step)), sums), event),
};
