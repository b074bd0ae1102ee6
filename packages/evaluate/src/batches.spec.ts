import type { Batch } from '@neuroprune/runtime';
import { describe, expect, it } from 'vitest';
import { rowsOfLengths } from '../test/shared.js';
import { bucketEnds, epochBatches, evaluationBatches, tokenCounts } from './batches.js';
import { stream } from './random.js';

const randomLengths = (count: number, longest: number, seed: number): number[] => {
  const below = stream(seed, 99);
  return Array.from({ length: count }, () => 2 + below(longest - 1));
};

interface Row {
  ids: number[];
  types: number[];
  length: number;
  label: number;
  weight: number;
}

// A batch cut back into rows, the padding checked on the way.
function rowsOf(batch: Batch): Row[] {
  const { rows, length, inputs } = batch;
  for (const name of ['input_ids', 'attention_mask', 'token_type_ids'])
    expect(inputs[name]!.length).toBe(rows * length);
  return Array.from({ length: rows }, (_, i) => {
    const part = (name: string) => [...inputs[name]!.subarray(i * length, (i + 1) * length)];
    const mask = part('attention_mask');
    const real = mask.lastIndexOf(1) + 1;
    expect(mask).toEqual(mask.map((_, at) => (at < real ? 1 : 0)));
    for (const name of ['input_ids', 'token_type_ids'])
      expect(
        part(name)
          .slice(real)
          .every((id) => id === 0),
      ).toBe(true);
    const [ids, types] = [part('input_ids').slice(0, real), part('token_type_ids').slice(0, real)];
    return { ids, types, length: real, label: batch.labels[i]!, weight: batch.weights[i]! };
  });
}

const idOf = (row: Row): number => (row.ids[0]! - 1) / 1000;

const orderOf = (batches: Batch[]): number[] => batches.flatMap((batch) => rowsOf(batch).map(idOf));

describe.each([
  { count: 1, batchSize: 4, longest: 9, seed: 0 },
  { count: 64, batchSize: 8, longest: 40, seed: 1 },
  { count: 101, batchSize: 8, longest: 128, seed: 2 },
  { count: 333, batchSize: 32, longest: 70, seed: 3 },
  { count: 50, batchSize: 1, longest: 20, seed: 4 },
  { count: 7, batchSize: 32, longest: 128, seed: 5 },
])('$count rows of up to $longest tokens in batches of $batchSize', ({ count, batchSize, longest, seed }) => {
  const set = rowsOfLengths(randomLengths(count, longest, seed));
  const epoch = (number: number, from = seed) => [...epochBatches(set, { batchSize, seed: from, epoch: number })];
  const batches = epoch(0);
  const longestRow = Math.max(...set.rows.map((row) => row.inputIds.length));

  it('holds every row once, unchanged', () => {
    const seen = batches.flatMap(rowsOf).filter((row) => row.weight === 1);
    expect(seen.map(idOf).sort((a, b) => a - b)).toEqual(set.rows.map((row) => row.id));
    for (const row of seen) {
      const { inputIds, tokenTypeIds, label } = set.rows[idOf(row)]!;
      expect([row.ids, row.types, row.label]).toEqual([[...inputIds], [...tokenTypeIds], label]);
    }
  });

  it('has ceil(n / batchSize) full batches, filler rows of weight 0 in one of them at most', () => {
    expect(batches.length).toBe(Math.ceil(count / batchSize));
    expect(batches.every((batch) => batch.rows === batchSize)).toBe(true);
    const fillers = batches.map((batch) => rowsOf(batch).filter((row) => row.weight === 0));
    expect(fillers.filter((rows) => rows.length > 0).length).toBe(count % batchSize === 0 ? 0 : 1);
    expect(fillers.flat().length).toBe(batches.length * batchSize - count);
    for (const row of fillers.flat()) expect(row.length).toBeGreaterThan(0);
  });

  it('pads a batch to the bucket end of its longest row and states its real tokens', () => {
    const ends = bucketEnds(longestRow);
    for (const batch of batches) {
      const real = rowsOf(batch).filter((row) => row.weight === 1);
      const most = Math.max(...real.map((row) => row.length));
      expect(batch.length).toBe(ends.find((end) => end >= most));
      expect(batch.tokens).toBe(real.reduce((sum, row) => sum + row.length, 0));
    }
  });

  it('mixes rows of several buckets only where one ends', () => {
    const ends = bucketEnds(longestRow);
    const bucket = (length: number) => ends.findIndex((end) => length <= end);
    const mixed = batches.filter((batch) => new Set(rowsOf(batch).map((row) => bucket(row.length))).size > 1);
    expect(mixed.length).toBeLessThan(ends.length);
  });

  it('is the same for the same seed and epoch', () => {
    expect(epoch(0)).toEqual(batches);
  });

  it('for scoring: in order of length, no filler rows, positions kept', () => {
    const scored = [...evaluationBatches(set, batchSize)];
    expect(scored.map(({ batch }) => batch.rows)).toEqual(scored.map(({ order }) => order.length));
    expect(scored.flatMap(({ order }) => order).sort((a, b) => a - b)).toEqual(set.rows.map((row) => row.id));
    expect(orderOf(scored.map(({ batch }) => batch))).toEqual(scored.flatMap(({ order }) => order));
    const lengths = scored.flatMap(({ batch }) => rowsOf(batch).map((row) => row.length));
    expect(lengths).toEqual([...lengths].sort((a, b) => a - b));
    for (const { batch } of scored) expect(batch.length).toBe(rowsOf(batch).at(-1)!.length);
  });
});

describe('epochBatches', () => {
  it.each([0, 1, 7])('has another order in another epoch and for another seed (from seed %i)', (seed) => {
    const set = rowsOfLengths(randomLengths(101, 128, seed));
    const order = (epoch: number, from: number) =>
      orderOf([...epochBatches(set, { batchSize: 8, seed: from, epoch })]).join();
    expect(new Set([order(0, seed), order(1, seed), order(2, seed), order(0, seed + 1), order(1, seed + 1)]).size).toBe(
      5,
    );
  });

  it('shuffles the batches, so that lengths do not rise over the epoch', () => {
    const lengths = [
      ...epochBatches(rowsOfLengths(randomLengths(640, 60, 1)), { batchSize: 8, seed: 0, epoch: 0 }),
    ].map((b) => b.length);
    const rises = lengths.filter((length, i) => i > 0 && length > lengths[i - 1]!).length;
    expect(rises).toBeGreaterThan(20);
    expect(lengths).not.toEqual([...lengths].sort((a, b) => a - b));
  });

  it('puts a row beside other rows in every epoch', () => {
    const set = rowsOfLengths(new Array(64).fill(5));
    const company = (epoch: number) => {
      const batch = [...epochBatches(set, { batchSize: 8, seed: 0, epoch })].find((b) =>
        rowsOf(b).some((row) => idOf(row) === 0),
      )!;
      return rowsOf(batch).map(idOf).sort().join();
    };
    expect(new Set([0, 1, 2, 3].map(company)).size).toBe(4);
  });

  it('pads with the tokenizer’s own id and keeps scores as floats', () => {
    const set = { ...rowsOfLengths([2, 3], true), padId: 1 };
    const [batch] = epochBatches(set, { batchSize: 2, seed: 0, epoch: 0 });
    expect(batch!.labels).toBeInstanceOf(Float32Array);
    expect([...batch!.inputs.input_ids!].filter((id) => id === 1).length).toBe(2);
  });

  it('gives a batch by position, as often as asked, and none past the ends', () => {
    const batches = epochBatches(rowsOfLengths([2, 3, 9]), { batchSize: 2, seed: 0, epoch: 0 });
    expect(batches.at(1)).toEqual([...batches][1]);
    expect(batches.at(1)).not.toBe(batches.at(1));
    expect([batches.at(2), batches.at(-1)]).toEqual([undefined, undefined]);
  });

  it('asks for the length of a row only where rows say it', () => {
    const { rows, ...set } = rowsOfLengths([2, 3, 9, 4]);
    const read: number[] = [];
    const at = (i: number) => {
      read.push(i);
      return rows[i];
    };
    const lazy = {
      length: 4,
      at,
      tokensOf: (i: number) => rows[i]!.inputIds.length,
      [Symbol.iterator]: () => rows.values(),
    };
    const batches = epochBatches({ ...set, rows: lazy }, { batchSize: 2, seed: 3, epoch: 0 });
    expect(read).toEqual([]);
    expect(batches.at(0)).toEqual(epochBatches({ ...set, rows }, { batchSize: 2, seed: 3, epoch: 0 }).at(0));
    expect(read.length).toBe(2);
  });

  it('has no batch for no rows', () => {
    expect(epochBatches(rowsOfLengths([]), { batchSize: 4, seed: 0, epoch: 0 }).length).toBe(0);
    expect(evaluationBatches(rowsOfLengths([]), 4).length).toBe(0);
  });

  it.each([0, -1, 1.5, Number.NaN])('refuses a batch size of %d', (batchSize) => {
    expect(() => epochBatches(rowsOfLengths([3]), { batchSize, seed: 0, epoch: 0 })).toThrow(
      /batch size of at least 1/,
    );
    expect(() => evaluationBatches(rowsOfLengths([3]), batchSize)).toThrow(/batch size of at least 1/);
  });

  it('refuses a row longer than the last bucket', () => {
    const options = { batchSize: 2, seed: 0, epoch: 0, buckets: [8, 16] };
    expect(() => epochBatches(rowsOfLengths([3, 17]), options)).toThrow(/rows of at most 16 tokens, got 17/);
  });
});

it.each([
  [3, [3]],
  [5, [4, 5]],
  [8, [4, 8]],
  [21, [4, 8, 12, 16, 20, 21]],
  [64, [4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64]],
  [100, [4, 8, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 100]],
])('bucketEnds(%i)', (longest, ends) => {
  expect(bucketEnds(longest)).toEqual(ends);
});

it('tokenCounts: real, computed, and padded to the longest', () => {
  const batches = epochBatches(rowsOfLengths([3, 5, 12]), { batchSize: 2, seed: 0, epoch: 0 });
  expect(tokenCounts(batches, 128)).toEqual({ tokens: 20, computedTokens: 2 * 8 + 2 * 12, paddedTokens: 3 * 128 });
});
