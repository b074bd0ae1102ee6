import type { Batch } from '@neuroprune/runtime';
import { expect, test } from 'vitest';
import { Guard, MOST_SKIPS } from './guard.js';

type Results = Readonly<Record<string, readonly number[]>>;

/** What a guard says of steps from 7 on, and the message it ends them with. */
function judged(onNan: 'stop' | 'skip', results: Results) {
  const events: object[] = [];
  const guard = new Guard({ onNan, onEvent: (event) => events.push(event), before: () => ', go back to 5' });
  const batches = results.loss?.map((_, i) => ({ numbers: [i, 10 + i] }) as unknown as Batch) ?? [];
  const vectors = Object.fromEntries(
    Object.entries(results).map(([name, values]) => [name, Float32Array.from(values)]),
  );
  try {
    return { events, skips: guard.skips, taken: guard.check({ results: vectors, batches, first: 7 }), guard };
  } catch (error) {
    return { events, message: (error as Error).message };
  }
}

const good = { loss: [1, 2], grad_norm: [3, 4] };

test.each<[string, Results, string]>([
  ['a loss', { ...good, loss: [1, Number.NaN] }, 'finite loss, got NaN at step 8 (rows 1, 11'],
  [
    'a gradient',
    { ...good, grad_norm: [Infinity, 1] },
    'finite gradient, got one of norm Infinity at step 7 (rows 0, 10',
  ],
])('stops at %s that is not finite, with the step, its rows and what to go back to', (_, results, expected) => {
  const { message, events } = judged('stop', results);
  expect(message).toContain(expected);
  expect(message).toContain('of the data, from 0), go back to 5; lower the learning rate');
  expect(events).toEqual([]);
});

test.each(['stop', 'skip'] as const)('lets good steps pass: %s', (onNan) => {
  expect(judged(onNan, good)).toMatchObject({ taken: [true, true], events: [] });
});

test('tells of what was skipped, and forgets it after a good step', () => {
  const { taken, events, guard } = judged('skip', {
    ...{ loss: [1, Number.NaN, 1, 1], grad_norm: [1, Number.NaN, Infinity, 2], skipped: [0, 1, 1, 0] },
  });
  expect(taken).toEqual([true, false, false, true]);
  expect(events).toEqual([
    { type: 'skip', step: 8, rows: [1, 11], loss: Number.NaN, gradNorm: Number.NaN, inARow: 1 },
    { type: 'skip', step: 9, rows: [2, 12], loss: 1, gradNorm: Infinity, inARow: 2 },
  ]);
  expect(guard?.skips).toEqual({ total: 2, inARow: 0 });
});

test('ends after too many in a row, over chunks', () => {
  const bad = (steps: number) => ({
    loss: Array.from({ length: steps }, () => Number.NaN),
    skipped: Array.from({ length: steps }, () => 1),
  });
  expect(judged('skip', bad(MOST_SKIPS - 1)).events).toHaveLength(MOST_SKIPS - 1);
  const { message, events } = judged('skip', bad(MOST_SKIPS));
  expect(events).toHaveLength(MOST_SKIPS);
  expect(message).toMatch(/loss, got NaN at step 26 .*, the 20th step in a row that was skipped, go back to 5/);
});

test('loss scaling backs off without ending the run, and says so', () => {
  const overflow = { loss: [1, 1, 1], grad_norm: [Infinity, 2, 2], skipped: [1, 0, 0], loss_scale: [64, 32, 32] };
  const { events, taken } = judged('stop', overflow);
  expect(taken).toEqual([false, true, true]);
  expect(events).toEqual([
    expect.objectContaining({ type: 'skip', step: 7, gradNorm: Infinity }),
    { type: 'lossScale', step: 8, scale: 32, before: 64 },
  ]);
  expect(judged('stop', { ...overflow, loss: [Number.NaN, 1, 1] }).message).toContain('finite loss, got NaN at step 7');
});
