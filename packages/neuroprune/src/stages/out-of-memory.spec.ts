import { RuntimeError } from '@neuroprune/runtime';
import { expect, test } from 'vitest';
import { NeuropruneError } from '../error.js';
import { advisedOnMemory, trainingAdvice } from './out-of-memory.js';

const lacking = new RuntimeError(
  'memory: expected room on cuda for a batch of 32 rows × 128 tokens, got: std::bad_alloc; use smaller batches or shorter rows',
);

test.each([
  [{ batchSize: 32 }, 'try --accumulate auto, --batch-size 16 --accumulate 2, or a lower --max-length'],
  [
    { batchSize: 5, accumulate: 3 },
    'try --accumulate auto with --batch-size 15, --batch-size 3 --accumulate 6, or a lower --max-length',
  ],
  [{ batchSize: 1, accumulate: 32 }, 'try a lower --max-length'],
])('a training of %j is told what to try', async (recipe, advice) => {
  await expect(advisedOnMemory(trainingAdvice(recipe), () => Promise.reject(lacking))).rejects.toMatchObject({
    kind: 'job',
    cause: lacking,
    message: `memory: expected room on cuda for a batch of 32 rows × 128 tokens, got: std::bad_alloc; ${advice}`,
  });
});

test.each([
  new RuntimeError('model: expected one that loads'),
  new NeuropruneError('job', 'got: std::bad_alloc; try x'),
])('other errors, and those that advise already, stay as they are: %s', async (error) => {
  await expect(advisedOnMemory('try y', () => Promise.reject(error))).rejects.toBe(error);
});
