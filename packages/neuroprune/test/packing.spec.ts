import path from 'node:path';
import { type EncodedRow, epochBatches, packedBatches, packLength, sessionPredict } from '@neuroprune/evaluate';
import { buildModel, loadModel } from '@neuroprune/models';
import { inferenceGraph, train } from '@neuroprune/prune';
import type { Batch } from '@neuroprune/runtime';
import { createInference, inputTensor } from '@neuroprune/runtime';
import { beforeAll, describe, expect, it } from 'vitest';
import { fixtures } from './command.js';

const folder = path.join(fixtures, 'models/neuroprune/bert-micro-uncased');
const lengths = [3, 17, 40, 9, 9, 22, 5, 31, 12, 8, 3];
const rows = lengths.map(
  (length, id): EncodedRow => ({
    id,
    label: id % 3 === 0 ? 1 : 0,
    inputIds: Int32Array.from({ length }, (_, t) => (t === 0 ? 2 : 5 + ((id * 131 + t * 17) % 900))),
    tokenTypeIds: Int32Array.from({ length }, (_, t) => Number(t > length / 2)),
  }),
);
const set = { rows, regression: false, padId: 0 };
const batchSize = 8;
const length = packLength(set, batchSize);
const options = { batchSize, seed: 4, epoch: 0, length };

type Loaded = Awaited<ReturnType<typeof loadModel>>;
let loaded: Loaded;
const packedModel = ({ config, tensors, head }: Loaded, packing = length) =>
  buildModel({ config, tensors, labels: head.numLabels, packing }).model;

beforeAll(async () => {
  loaded = await loadModel(folder, { head: { numLabels: 2 }, seed: 1 });
});

/** The same rows in the same places of a batch, one a row and padded. */
function padded({ numbers = [], rows: size, weights, labels }: Batch): Batch {
  const shown = Array.from({ length: size }, (_, i) => rows[numbers[i] ?? numbers[0]!]!);
  const [whole] = epochBatches({ ...set, rows: shown }, { batchSize: size, seed: 0, epoch: 0, buckets: [48] });
  const at = whole!.numbers!;
  const inputs = Object.fromEntries(
    Object.entries(whole!.inputs).map(([name, values]) => {
      const ordered = new Int32Array(values.length);
      for (const [from, to] of at.entries()) ordered.set(values.subarray(from * 48, (from + 1) * 48), to * 48);
      return [name, ordered];
    }),
  );
  return { ...whole!, inputs, weights, labels };
}

async function packedLogits(batch: Batch): Promise<Float32Array> {
  await using session = await createInference(inferenceGraph(packedModel(loaded)), { threads: 1 });
  const dims = (name: string) => (name === 'first_tokens' ? [batch.rows] : [batch.rows, batch.length]);
  const given = Object.entries(batch.inputs).map(([name, v]) => [name, inputTensor('int64', v, dims(name))] as const);
  return (await session.run(new Map(given), ['logits'])).get('logits')!.data as Float32Array;
}

const largest = (a: Float32Array, b: Float32Array) => a.reduce((most, x, i) => Math.max(most, Math.abs(x - b[i]!)), 0);

describe('packed batches', () => {
  it('hold every row once in each epoch, whole, in other orders', () => {
    const seen = [...packedBatches(set, options)].flatMap((batch) =>
      batch.numbers!.map((number, i) => {
        const from = batch.inputs.first_tokens![i]!;
        const to = from + lengths[number]!;
        const part = (name: string) => [...batch.inputs[name]!.subarray(from, to)];
        expect([part('input_ids'), part('token_type_ids')]).toEqual([
          [...rows[number]!.inputIds],
          [...rows[number]!.tokenTypeIds],
        ]);
        expect(part('position_ids')).toEqual(Array.from({ length: to - from }, (_, t) => t));
        expect(part('attention_mask').every((n) => n === i + 1)).toBe(true);
        expect(Math.floor(from / length)).toBe(Math.floor((to - 1) / length));
        expect([batch.labels[i], batch.weights[i]]).toEqual([rows[number]!.label, 1]);
        return number;
      }),
    );
    expect(seen.toSorted((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
    const order = (epoch: number) => [...packedBatches(set, { ...options, epoch })].flatMap(({ numbers }) => numbers!);
    expect(order(0)).toEqual(seen);
    expect(order(1)).not.toEqual(seen);
  });

  it('compute fewer tokens than rows padded to one length', () => {
    for (const batch of packedBatches(set, options)) {
      expect(batch.rows * batch.length).toBeLessThan(batch.rows * 40);
      expect((batch.rows * batch.length) % length).toBe(0);
      expect(batch.tokens).toBe(batch.numbers!.reduce((sum, i) => sum + lengths[i]!, 0));
    }
  });

  it('are refused for rows that do not fit, and lengths that do not divide', () => {
    expect(() => packedBatches(set, { ...options, length: 32 }).at(0)).toThrow(/rows of at most 32 tokens, got 40/);
    expect(() => packedBatches(set, { ...options, length: 44 })).toThrow(/multiple of the batch size, got 44/);
  });
});

describe('a packed graph', () => {
  it('gives each example the logits it has alone', async () => {
    await using alone = await sessionPredict(inferenceGraph(loaded.model), { threads: 1 });
    for (const batch of packedBatches(set, options)) {
      const expected = await alone.predict(padded(batch));
      expect(largest(await packedLogits(batch), expected)).toBeLessThan(2e-6);
      expect(largest(expected, new Float32Array(expected.length))).toBeGreaterThan(1e-3);
    }
  });

  it('sees no other example: another neighbour changes nothing', async () => {
    const batch = packedBatches(set, options).at(0)!;
    const before = await packedLogits(batch);
    const [from, to] = [batch.inputs.first_tokens![1]!, batch.inputs.first_tokens![1]! + lengths[batch.numbers![1]!]!];
    batch.inputs.input_ids!.fill(77, from + 1, to);
    const after = await packedLogits(batch);
    const rowsOf = (logits: Float32Array, i: number) => logits.subarray(2 * i, 2 * i + 2);
    for (let i = 0; i < batchSize; i++) {
      if (i === 1) expect(largest(rowsOf(after, i), rowsOf(before, i))).toBeGreaterThan(1e-4);
      else expect(largest(rowsOf(after, i), rowsOf(before, i))).toBe(0);
    }
  });

  it('is trained to the weights that padded rows give', async () => {
    const request = {
      loss: 'crossEntropy',
      groups: loaded.prunable,
      method: { name: 'dense' },
      epochs: 2,
      lr: 1e-3,
      schedule: 'constant',
      warmup: 0,
      weightDecay: 0.01,
      dropout: 0,
      seed: 0,
      session: { threads: 1 },
      maxLength: 48,
    } as const;
    const batches = (epoch: number) => packedBatches(set, { ...options, epoch });
    const packed = await train({ ...request, model: packedModel(loaded), batches });
    const plain = await train({ ...request, model: loaded.model, batches: (epoch) => [...batches(epoch)].map(padded) });
    expect(packed.loss).toBeCloseTo(plain.loss, 5);
    let moved = 0;
    for (const [name, { data }] of plain.tensors) {
      const [a, b] = [packed.tensors.get(name)!.data as Float32Array, data as Float32Array];
      // AdamW's first steps are about lr whatever the gradient: rounding decides the sign where it is next to nothing.
      const apart = a.reduce((n, x, i) => n + Number(Math.abs(x - b[i]!) > 1e-4), 0);
      expect(apart / a.length, name).toBeLessThan(0.02);
      moved = Math.max(moved, largest(a, loaded.tensors.get(name)!.data));
    }
    expect(moved).toBeGreaterThan(1e-3);
  });
});
