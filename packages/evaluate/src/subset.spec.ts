import { describe, expect, it } from 'vitest';
import { rowsOfLengths } from '../test/shared.js';
import { epochBatches, rowLengths } from './batches.js';
import { statsOf } from './row-stats.js';
import { holdOut, subset } from './subset.js';

describe('holdOut', () => {
  it.each([
    [1, 1],
    [10, 1],
    [11, 2],
    [999, 100],
    [100_000, 5000],
  ])('of %i rows keeps %i for validation and every other for training', (rows, count) => {
    const { train, validation } = holdOut(rows, 0);
    expect(validation.length).toBe(count);
    expect([...train, ...validation].sort((a, b) => a - b)).toEqual(Array.from({ length: rows }, (_, i) => i));
    for (const part of [train, validation]) expect([...part]).toEqual([...part].sort((a, b) => a - b));
  });

  it('goes by the seed alone', () => {
    expect(holdOut(500, 3)).toEqual(holdOut(500, 3));
    expect(holdOut(500, 3).validation).not.toEqual(holdOut(500, 4).validation);
    // As of the first release; recipes rely on it.
    expect([...holdOut(60, 42).validation]).toEqual([11, 24, 27, 31, 38, 55]);
  });
});

it('subset gives the rows at its positions and no others', () => {
  const set = rowsOfLengths([2, 3, 4, 5]);
  const part = subset({ ...set, padId: 9 }, Int32Array.of(3, 1));
  expect([part.rows.length, part.padId, part.rows.at(2)]).toEqual([2, 9, undefined]);
  expect([...part.rows]).toEqual([set.rows[3], set.rows[1]]);
  expect([...rowLengths(part)]).toEqual([5, 3]);
  expect(epochBatches(part, { batchSize: 2, seed: 0, epoch: 0 }).at(0)!.numbers!.toSorted()).toEqual([1, 3]);
});

it('statsOf adds rows up', () => {
  const { rows } = rowsOfLengths([2, 3, 7]);
  const cut = rows.map((row, i) => (i === 2 ? { ...row, cut: 4 } : row));
  expect(statsOf(cut, 3)).toEqual({ rows: 3, tokens: 12, longest: 7, truncated: 1, classes: [2, 1, 0] });
  expect(statsOf(cut, undefined)).toEqual({ rows: 3, tokens: 12, longest: 7, truncated: 1 });
});
