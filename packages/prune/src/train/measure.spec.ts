import { type Batch, createTraining, RuntimeError } from '@neuroprune/runtime';
import { expect, test } from 'vitest';
import { tinyBatches, tinyBert } from '../../test/tiny-bert.js';
import { timeBatches, tryBatch } from './measure.js';
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

test.each([1, 4])('a batch is tried by real steps of it, %i a step', async (accumulate) => {
  const [batch] = tinyBatches() as [Batch];
  const seen: [rows: number[], applied: number[], losses: number[]][] = [];
  const start: typeof createTraining = async (...given) => {
    const training = await createTraining(...given);
    const run: typeof training.run = async (batches, scalars) => {
      const results = await training.run(batches, scalars);
      seen.push([batches.map(({ rows }) => rows), [...(scalars.apply ?? [])], [...(results.loss ?? [])]]);
      return results;
    };
    return { ...training, run };
  };
  await tryBatch({ ...request, accumulate }, batch, { start });
  const [[rows, applied, losses] = [[], [], []]] = seen;
  expect(rows).toEqual([batch.rows, batch.rows]);
  expect(applied).toEqual(accumulate > 1 ? [0, 1] : []);
  expect(losses.every((loss) => loss > 0)).toBe(true);
});

test('what a device says of a batch that is too large comes back', async () => {
  const [batch] = tinyBatches() as [Batch];
  const full = new RuntimeError('Failed to allocate memory for requested buffer of size 9');
  const start: typeof createTraining = async (...given) => ({
    ...(await createTraining(...given)),
    run: ([{ rows } = batch]) => (rows > batch.rows ? Promise.reject(full) : Promise.resolve({})),
  });
  await tryBatch(request, batch, { start });
  await expect(tryBatch(request, wide(batch, batch.rows + 1), { start })).rejects.toBe(full);
});
