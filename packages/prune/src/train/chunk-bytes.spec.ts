import type { Batch } from '@neuroprune/runtime';
import { expect, it } from 'vitest';
import { tinyBatches, tinyBert } from '../../test/tiny-bert.js';
import { bytesOf, CHUNK_BYTES } from './chunk-bytes.js';
import type { TrainRequest } from './request.js';
import { train } from './train.js';

/** Runs 4 steps; returns the steps after which chunks ended, and the weights. */
async function ran(batches: Batch[]) {
  const request: TrainRequest = {
    ...tinyBert(),
    loss: 'crossEntropy',
    method: { name: 'dense' },
    batches: () => batches,
    epochs: 1,
    maxSteps: 4,
    lr: 1e-3,
    schedule: 'linear',
    warmup: 0,
    weightDecay: 0.01,
    dropout: 0.1,
    seed: 1,
    maxLength: 8,
    session: { threads: 1 },
  };
  const ends: number[] = [];
  const { tensors } = await train(request, { onEvent: (event) => event.type === 'train' && ends.push(event.step) });
  return { ends, weights: [...tensors].map(([name, { data }]) => [name, data]) };
}

it('chunks are short where batches are large, with no effect on the result', async () => {
  const plain = await ran(tinyBatches());
  // The graph has no such input; its memory is one array, which nothing touches.
  const aside = new Int32Array(CHUNK_BYTES / 4 / 2);
  const large = await ran(tinyBatches().map((batch) => ({ ...batch, inputs: { ...batch.inputs, aside } })));
  expect(plain.ends).toEqual([4]);
  expect(large.ends).toEqual([2, 4]);
  expect(large.weights).toEqual(plain.weights);
});

it('a batch takes up what its arrays do', () => {
  const [batch] = tinyBatches();
  expect(bytesOf(batch!)).toBe(4 * (3 * 16 + 4 + 4));
  expect(bytesOf({ ...batch!, teacher: { 'teacher.logits': new Float32Array(8) } })).toBe(4 * (3 * 16 + 4 + 4 + 8));
});
