import { expect, test } from 'vitest';
import { largestDifference } from './read-back.js';

test.each<[string, number[][], number[][], number]>([
  ['equal', [[1, 2], [3, 4]], [[1, 2], [3, 4]], 0], // biome-ignore format: one case a line
  ['one off', [[1, 2]], [[1, 2.5]], 0.5],
  ['the first of two off more', [[0], [1]], [[3], [2]], 3],
  ['no rows', [], [], Number.NaN],
  ['a row missing', [[1], [2]], [[1]], Number.NaN],
  ['a logit missing', [[1, 2]], [[1]], Number.NaN],
  ['no number', [[1], [Number.NaN], [9]], [[2], [1], [1]], Number.NaN],
])('%s', (_, a, b, expected) => {
  expect(largestDifference(a, b)).toBe(expected);
});
