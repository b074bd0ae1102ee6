import { expect, test } from 'vitest';
import { chunkSeconds, chunkSize } from './chunks.js';

test.each<[string, [number, number, number[], number?, number?], number]>([
  ['four before a step was timed', [0, 1000, []], 4],
  ['two seconds’ worth', [0, 1000, [], 20], 100],
  ['as many seconds as a run shall take', [0, 1000, [], 20, 10], 500],
  ['rounded', [0, 1000, [], 600], 3],
  ['at least one, however slow', [0, 1000, [], 60_000], 1],
  ['up to the next event', [10, 1000, [5, 10, 17, 30], 20], 7],
  ['past the last event', [30, 1000, [5, 30], 20], 100],
  ['up to the end', [990, 1000, [], 20], 10],
  ['up to an event before a step was timed', [0, 1000, [2, 9]], 2],
  ['up to the end before a step was timed', [0, 3, []], 3],
  ['steps too quick to time', [0, 1000, [], 0], 1000],
])('%s', (_, args, expected) => expect(chunkSize(...args)).toBe(expected));

test('chunks end at every event and cover the run', () => {
  const events = [3, 4, 18, 29, 40];
  const ends: number[] = [];
  for (let done = 0; done < 43; ends.push(done)) done += chunkSize(done, 43, events, 400);
  expect(ends).toEqual([3, 4, 9, 14, 18, 23, 28, 29, 34, 39, 40, 43]);
});

test.each([
  ['cpu', 5e9, 2],
  ['webgpu', 5e9, 2],
  ['cuda', 1e6, 2],
  ['cuda', 1e9, 16],
  ['cuda', 9e9, 24],
] as const)(
  'runs last longer on %s with %d bytes of state, which cross to the host after each: %d s',
  (provider, bytes, seconds) => expect(chunkSeconds(provider, bytes)).toBe(seconds),
);
