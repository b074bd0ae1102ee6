import { expect, test } from 'vitest';
import { keptAs, testStop } from './checkpoints.js';

test.each([
  ['500', { steps: 500 }],
  ['90s', { seconds: 90 }],
  ['0s', { seconds: 0 }],
  ['5m', { seconds: 300 }],
  ['1.5h', { seconds: 5400 }],
])('--checkpoint-every %s', (checkpointEvery, every) => {
  expect(keptAs({ checkpointEvery, keepCheckpoints: 3 })).toEqual({ every, keep: 3 });
});

test('without a request for it nothing is stopped', () => {
  expect(testStop({})).toEqual({});
});
