import type { Batch } from '@neuroprune/runtime';
import { expect, test } from 'vitest';
import { tinyBatches, tinyBert } from '../../test/tiny-bert.js';
import { timeBatches } from './measure.js';
import type { TrainRequest } from './request.js';

const request: TrainRequest = {
  ...tinyBert(),
  loss: 'crossEntropy',
  method: { name: 'neuroprune', solver: 'subgradient', alpha: 1e-4, beta: 1e-3, sparsity: 0.6, outGrouping: 'joint' },
  batches: () => tinyBatches(),
  epochs: 3,
  lr: 3e-3,
  schedule: 'linear',
  warmup: 0.1,
  weightDecay: 0.01,
  dropout: 0.1,
  seed: 0,
  session: { threads: 1 },
  maxLength: 16,
};

/** A batch of many rows, each a copy of one. */
function wide({ length, inputs, ...batch }: Batch, rows: number): Batch {
  const repeat = (values: Int32Array) => Int32Array.from({ length: rows * length }, (_, i) => values[i % length] ?? 0);
  return {
    ...batch,
    rows,
    length,
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, values]) => [name, repeat(values)])),
    labels: new Int32Array(rows),
    weights: new Float32Array(rows).fill(1),
  };
}

test('a batch of 400 times the rows takes longer; accumulated batches are timed one by one', async () => {
  const [small] = tinyBatches() as [Batch];
  for (const more of [{}, { accumulate: 2 }]) {
    const [few, many] = await timeBatches({ ...request, ...more }, [small, wide(small, 1600)]);
    expect(few).toBeGreaterThan(0);
    expect(many).toBeGreaterThan(2 * (few as number));
  }
});

test('a teacher has its say in what is timed, and an abort ends it', async () => {
  const asked: Batch[] = [];
  const controller = new AbortController();
  const teacher = async (batch: Batch) => {
    asked.push(batch);
    controller.abort(new Error('enough'));
    return { 'teacher.logits': new Float32Array(2 * batch.rows) };
  };
  const distilled = { ...request, distill: { weight: 1, temperature: 2 }, teacher } as TrainRequest;
  const timed = timeBatches(distilled, tinyBatches().slice(0, 2), { signal: controller.signal });
  await expect(timed).rejects.toThrow('enough');
  expect(asked).toHaveLength(1);
});
