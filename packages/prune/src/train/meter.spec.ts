import type { Batch } from '@neuroprune/runtime';
import { expect, test } from 'vitest';
import { Meter } from './meter.js';

/** A batch of which the last `filler` rows do not count. */
const batch = (rows: number, length: number, tokens: number, filler = 0): Batch => ({
  rows,
  length,
  tokens,
  inputs: {},
  labels: new Int32Array(rows),
  weights: Float32Array.from({ length: rows }, (_, i) => Number(i < rows - filler)),
});

test('counts tokens, examples and time', () => {
  const meter = new Meter(64);
  expect(meter.lastStepMs).toBeUndefined();
  meter.add([batch(4, 8, 20), batch(2, 16, 30)], 100);
  meter.add([batch(4, 8, 8, 3)], 400);
  expect(meter).toMatchObject({
    tokens: 58,
    computedTokens: 32 + 32 + 32,
    paddedTokens: 10 * 64,
    lastStepMs: 400,
    seconds: 0.5,
    examplesPerSecond: 14,
  });
});

test.each<[string, [steps: number, ms: number][], { first: number; last: number }]>([
  ['one chunk is all there is', [[4, 40]], { first: 10, last: 10 }],
  [
    'the first chunk warms up',
    [
      [1, 900],
      [2, 20],
      [1, 30],
    ],
    { first: 10, last: 30 },
  ],
  [
    'medians of the first and the last tenth',
    [[1, 900], ...Array.from({ length: 30 }, (_, i) => [2, 2 * (i + 1)] as [number, number])],
    { first: 2, last: 29 },
  ],
  [
    'one slow chunk does not show',
    [[1, 900], ...Array.from({ length: 30 }, (_, i) => [1, i === 1 || i === 28 ? 500 : 7] as [number, number])],
    { first: 7, last: 7 },
  ],
])('milliseconds a step: %s', (_, chunks, expected) => {
  const meter = new Meter(8);
  for (const [steps, ms] of chunks)
    meter.add(
      Array.from({ length: steps }, () => batch(1, 4, 4)),
      ms,
    );
  expect(meter.stepMs).toEqual(expected);
});
