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

test.each<Course>(['linear', 'cosine', 'constant'])('%s never is 0 and never above lr', (schedule) => {
  for (const warmup of [0, 0.1, 1])
    for (const rate of rates(schedule, warmup, 50)) expect(rate > 0 && rate <= 1).toBe(true);
});
