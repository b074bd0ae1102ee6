import { expect, it } from 'vitest';
import { shuffledPositions, stream, xoshiro128 } from './random.js';

const take = (count: number, next: () => number) => Array.from({ length: count }, next);

it('xoshiro128** gives the numbers of its authors’ C code', () => {
  expect(take(10, xoshiro128([1, 2, 3, 4]))).toEqual([
    11520, 0, 5927040, 70819200, 2031721883, 1637235492, 1287239034, 3734860849, 3729100597, 4258142804,
  ]);
});

it.each([
  [[0], [1]],
  [
    [0, 1],
    [1, 0],
  ],
  [[7], [7, 0]],
  [[1], [1 + 2 ** 32]],
  [[-1], [1]],
])('streams %j and %j differ, each repeats itself', (one, other) => {
  const numbers = (keys: number[]) => {
    const below = stream(...keys);
    return take(8, () => below(2 ** 32));
  };
  expect(numbers(one)).toEqual(numbers(one));
  expect(numbers(one)).not.toEqual(numbers(other));
});

it('below(n) is uniform', () => {
  const below = stream(3);
  const counts = new Float64Array(7);
  for (let i = 0; i < 70_000; i++) counts[below(7)]!++;
  // Standard deviation of a count is 93; five of them.
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(465);
});

it('shuffles all of three items into all six orders about evenly', () => {
  const below = stream(5);
  const seen = new Map<string, number>();
  for (let i = 0; i < 6000; i++) {
    const order = [...shuffledPositions(3, below)].map((i) => 'abc'[i]).join('');
    seen.set(order, (seen.get(order) ?? 0) + 1);
  }
  expect([...seen.keys()].sort()).toEqual(['abc', 'acb', 'bac', 'bca', 'cab', 'cba']);
  for (const count of seen.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
});
