import { describe, expect, test } from 'vitest';
import * as format from './format.js';
import { ticks } from './svg.js';

describe('words for numbers', () => {
  test.each<[string, string]>([
    [format.integer(22_713_984), '22,713,984'],
    [format.percent(0.7), '70.0 %'],
    [format.percent(0.69999, 2), '70.00 %'],
    [format.bytes(999), '999 B'],
    [format.bytes(90_900_000), '90.9 MB'],
    [format.milliseconds(12.345), '12.3 ms'],
    [format.milliseconds(812.3), '812 ms'],
    [format.duration(12.34), '12.3 s'],
    [format.duration(119.7), '2 min 0 s'],
    [format.duration(59.96), '1 min 0 s'],
    [format.duration(5400), '1.50 h'],
    [format.metric(0.83719), '0.8372'],
    [format.metric(43.18), '43.18'],
    [format.metric(Number.NaN), 'undefined'],
    [format.difference(-0.0114), '−0.0114'],
    [format.difference(0.0114), '+0.0114'],
    [format.difference(Number.NaN), '–'],
    [format.significant(2.34e-6), '2.3e−6'],
    [format.significant(0), '0'],
  ])('%s', (actual, expected) => {
    expect(actual).toBe(expected);
  });
});

test.each([
  [0, 1, [0, 0.25, 0.5, 0.75, 1]],
  [0, 920, [0, 250, 500, 750]],
  [0, 0.7, [0, 0.2, 0.4, 0.6]],
  [3, 3, [3]],
  [0, Number.NaN, [0]],
])('ticks from %f to %f', (low, high, expected) => {
  expect(ticks(low, high)).toEqual(expected);
});
