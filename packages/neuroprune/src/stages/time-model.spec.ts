import { expect, test } from 'vitest';
import { availableMemory, memoryWarning } from './memory.js';
import { msOf } from './time-model.js';

const points = [
  { size: 100, ms: 30 },
  { size: 300, ms: 70 },
] as const;

test.each([
  [100, 30],
  [200, 50],
  [300, 70],
  [50, 20],
  [0, 10],
])('a batch of %d tokens takes %d ms by the line through two', (size, ms) => {
  expect(msOf(size, points)).toBeCloseTo(ms);
});

test.each<[string, Parameters<typeof msOf>[1], number]>([
  ['all batches alike', [points[0], points[0]], 30],
  ['the larger one quicker, by chance', [points[0], { size: 300, ms: 20 }], 30],
  ['more than in proportion, so that nothing is left at no size', [points[0], { size: 300, ms: 130 }], 15],
])('half the smaller one: %s', (_, given, ms) => {
  expect(msOf(50, given)).toBeCloseTo(ms);
});

test('memory that is not there is told, and what would need less', () => {
  expect(memoryWarning({ estimate: 2e9, available: 2e9 })).toBeUndefined();
  expect(memoryWarning({ estimate: 2e9, available: 1e9 })).toMatch(
    /about 2,000 MB, got 1,000 MB; try --accumulate auto, a lower --batch-size or --max-length/,
  );
  expect(availableMemory()).toBeGreaterThan(1e6);
});
