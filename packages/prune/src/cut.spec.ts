import { expect, test } from 'vitest';
import { cutSmallest } from './cut.js';
import type { Matrix } from './layer.js';

const matrix = (data: ArrayLike<number>): Matrix => ({
  name: 'w',
  rows: 1,
  cols: data.length,
  data: Float32Array.from(data),
});
const values = (matrices: readonly Matrix[]) => matrices.map((m) => [...m.data]);

/** Numbers of widely different size from a small generator (Lehmer), so that all bits of the selection are used. */
function random(n: number, seed: number): number[] {
  let state = seed;
  const next = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  return Array.from({ length: n }, () => (next() - 0.5) * 10 ** Math.floor(next() * 8 - 6));
}

test.each<[string, number[][], number, number[][] | undefined, number[][]]>([
  [
    'by magnitude over all matrices',
    [
      [3, -1],
      [2, -4],
    ],
    2,
    undefined,
    [
      [3, 0],
      [0, -4],
    ],
  ],
  [
    'earlier ties first',
    [
      [1, -1],
      [1, 1],
    ],
    3,
    undefined,
    [
      [0, 0],
      [0, 1],
    ],
  ],
  ['none', [[1, 2]], 0, undefined, [[1, 2]]],
  ['all', [[1, 2]], 2, undefined, [[0, 0]]],
  ['zeros are there already', [[0, 1, 0, 2]], 2, undefined, [[0, 1, 0, 2]]],
  ['zeros beyond the count stay', [[0, 0, 0, 2]], 1, undefined, [[0, 0, 0, 2]]],
  ['zeros count, one more goes', [[0, 5, -0, 2]], 3, undefined, [[0, 5, -0, 0]]],
  [
    'by score, not by magnitude',
    [
      [9, 1],
      [5, 2],
    ],
    2,
    [
      [0.1, 7],
      [0.2, 3],
    ],
    [
      [0, 1],
      [0, 2],
    ],
  ],
  ['a live weight of score 0 goes before others', [[9, 1, 0]], 2, [[0, 7, 0]], [[0, 1, 0]]],
  ['scores a last bit apart', [[1, 1, 1]], 1, [[1.0000001, 1, 1.0000002]], [[1, 0, 1]]],
  ['denormal scores', [[1, 1]], 1, [[3e-45, 1.5e-45]], [[1, 0]]],
])('cuts %s', (_, weights, count, scores, expected) => {
  const matrices = weights.map(matrix);
  const before = matrices.flatMap((m) => [...m.data]).filter((w) => w === 0).length;
  const cut = cutSmallest(
    matrices,
    count,
    scores?.map((s) => Float32Array.from(s)),
  );
  expect(values(matrices)).toEqual(expected);
  expect(cut).toBe(Math.max(0, count - before));
});

test.each([1, 100, 4999, 9999, 10000])('%i of 10,000 equals a full sort', (count) => {
  const weights = random(10_000, 7);
  const matrices = [matrix(weights.slice(0, 3000)), matrix(weights.slice(3000))];
  const order = Array.from(weights.keys()).sort((a, b) => Math.abs(weights[a]!) - Math.abs(weights[b]!) || a - b);
  const gone = new Set(order.slice(0, count));
  cutSmallest(matrices, count);
  expect(matrices.flatMap((m) => [...m.data])).toEqual(weights.map((w, i) => (gone.has(i) ? 0 : Math.fround(w))));
});

test('masks only grow while weights move between cuts', () => {
  const m = matrix(random(1000, 3));
  let gone: number[] = [];
  for (const count of [100, 400, 400, 750]) {
    cutSmallest([m], count);
    const now = [...m.data.keys()].filter((i) => m.data[i] === 0);
    expect(now).toEqual(expect.arrayContaining(gone));
    expect(now).toHaveLength(count);
    gone = now;
    random(1000, count).forEach((delta, i) => {
      if (m.data[i] !== 0) m.data[i]! += delta;
    });
  }
});

test('a score array of another size is a broken invariant', () => {
  expect(() => cutSmallest([matrix([1, 2])], 1, [Float32Array.of(1)])).toThrow(/internal: w: expected 2 scores, got 1/);
  expect(() => cutSmallest([matrix([1, 2])], 3)).toThrow(/internal: cannot cut 3 of 2/);
});
