import { describe, expect, test } from 'vitest';
import { headEvents, headsAt, maskEvents, rampBounds, rampProgress, sparsityAt } from './ramp.js';

const ramp = { steps: 1000 };

test.each([
  [1000, 50, 700],
  [2104, 105, 1473],
  [10, 1, 7],
  [1, 0, 1],
])('%i steps ramp from %i to %i', (steps, first, last) => {
  expect(rampBounds({ steps })).toEqual({ first, last });
});

test.each([{ from: 0.7, to: 0.7 }, { from: -0.1 }, { to: 1.5 }])('refuses %o', (bounds) => {
  expect(() => rampBounds({ steps: 10, ...bounds })).toThrow(/expected 0 <= from < to <= 1/);
});

describe('events', () => {
  test('masks: each 16 steps, and the end', () => {
    const events = maskEvents(ramp);
    expect(events.slice(0, 3)).toEqual([66, 82, 98]);
    expect(events.slice(-2)).toEqual([690, 700]);
    expect(maskEvents({ steps: 5 })).toEqual([4]);
  });

  test('heads: each 5 % inside the ramp, epoch ends too, none after the trim', () => {
    expect(headEvents(ramp)).toEqual([100, 150, 200, 250, 300, 350, 400, 450, 500, 550, 600, 650, 700]);
    const perEpoch = headEvents({ ...ramp, epochSteps: 333 });
    expect(perEpoch).toContain(333);
    expect(perEpoch).toContain(666);
    expect(Math.max(...perEpoch)).toBe(700);
    expect(headEvents({ steps: 4 })).toEqual([1, 2, 3]);
  });
});

test.each([
  [50, 0],
  [375, 0.875],
  [700, 1],
  [1000, 1],
])('progress after step %i is %f', (step, progress) => {
  expect(rampProgress(step, ramp)).toBe(progress);
});

test('the last mask event leaves half a point to the trim', () => {
  expect(sparsityAt(700, 0.7, ramp)).toBeCloseTo(0.695, 12);
  expect(sparsityAt(10, 0.7, ramp)).toBe(0);
  expect(sparsityAt(700, 0.002, ramp)).toBe(0);
});

test('heads fall with the ramp and reach the target at its end', () => {
  const counts = headEvents(ramp).map((step) => headsAt(step, 16, 14, ramp));
  expect(counts).toEqual([...counts].sort((a, b) => b - a));
  expect(counts.at(-1)).toBe(14);
  expect(headsAt(10, 16, 14, ramp)).toBe(16);
  expect(headsAt(350, 16, 14, ramp)).toBe(14); // 14.3 of 16: long before the ramp's end
  expect(headsAt(700, 12, 14, ramp)).toBe(12);
});
