import type { Provider } from '@neuroprune/runtime';
import { expect, test } from 'vitest';
import { chunkSize } from './chunks.js';

test.each<[string, [number, number, number[], number?, Provider?], number]>([
  ['four before a step was timed', [0, 1000, []], 4],
  ['two seconds’ worth', [0, 1000, [], 20], 100],
  ['ten where the state crosses to the host after each', [0, 1000, [], 20, 'cuda'], 500],
  ['two on webgpu, whose state stays', [0, 1000, [], 20, 'webgpu'], 100],
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
