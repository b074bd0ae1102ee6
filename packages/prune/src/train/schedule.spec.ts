import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { type Course, learningRate } from './schedule.js';

const rates = (schedule: Course, warmup: number, steps: number, lr = 1) =>
  Array.from({ length: steps }, (_, i) => learningRate(i + 1, { lr, schedule, warmup, steps }));

test.each([
  [10, 0.2],
  [10, 0],
  [2104, 0.06],
  [2104, 0.1],
  [7, 0.5],
  [3, 0.99],
  [1, 0],
  [1, 0.1],
])('linear over %i steps with warm-up %f: lr·min(step/warm, (T − step + 1)/(T − warm))', (T, warmup) => {
  const warm = Math.max(1, Math.floor(warmup * T));
  rates('linear', warmup, T, 3e-4).forEach((rate, i) => {
    const expected = 3e-4 * Math.min((i + 1) / warm, (T - i) / Math.max(1, T - warm));
    expect(rate).toBeCloseTo(expected, 14);
  });
});

describe('courses over 6 steps, of which 2 rise', () => {
  test.each<[Course, number[]]>([
    ['linear', [0.5, 1, 1, 0.75, 0.5, 0.25]],
    ['cosine', [0.5, 1, 1, (1 + Math.SQRT1_2) / 2, 0.5, (1 - Math.SQRT1_2) / 2]],
    ['constant', [0.5, 1, 1, 1, 1, 1]],
  ])('%s', (schedule, expected) => {
    rates(schedule, 2 / 6, 6).forEach((rate, i) => {
      expect(rate).toBeCloseTo(expected[i]!, 14);
    });
  });
});

interface Golden {
  readonly lr: number;
  readonly cases: readonly { steps: number; warmup: number; rates: readonly [number, number][] }[];
}
const golden: Golden = JSON.parse(
  readFileSync(new URL('../../fixtures/one-cycle.json', import.meta.url), 'utf8'), // tools/golden/make_one_cycle.py
);

test.each(golden.cases)(
  'one-cycle over $steps steps, the peak at $warmup of them, is PyTorch’s',
  ({ rates, ...shape }) => {
    for (const [step, expected] of rates) {
      const rate = learningRate(step, { lr: golden.lr, schedule: 'one-cycle', ...shape });
      expect(Math.abs(rate / expected - 1)).toBeLessThan(1e-10);
    }
  },
);

test('one-cycle over a single step has the highest rate', () => {
  expect(rates('one-cycle', 0.3, 1)).toEqual([expect.closeTo(1)]);
});

test.each<Course>(['linear', 'cosine', 'constant', 'one-cycle'])('%s never is 0 and never above lr', (schedule) => {
  for (const warmup of [0, 0.1, 1])
    for (const rate of rates(schedule, warmup, 50)) expect(rate > 0 && rate <= 1).toBe(true);
});
