import { RuntimeError } from '@neuroprune/runtime';
import { expect, test } from 'vitest';
import type { RunEvent } from '../events.js';
import { fitAccumulate } from './accumulate.js';
import type { Recipe } from './recipe.js';
import { batchesOf } from './resolve.js';

const recipe = { batchSize: 24, device: 'cuda', seed: 7, accumulate: 1 } as unknown as Recipe;

/** A device with room for so many rows, and the sizes that it was asked for. */
function roomFor(rows: number, fail: (asked: number) => Promise<{ fits: boolean; length: number }>) {
  const asked: number[] = [];
  const attempt = async ({ batchSize }: Recipe) => {
    asked.push(batchSize);
    return batchSize > rows ? fail(batchSize) : { fits: true, length: 128 };
  };
  return { attempt, asked };
}

const throws = () => Promise.reject(new RuntimeError('Failed to allocate memory for requested buffer of size 9'));
const says = () => Promise.resolve({ fits: false, length: 128 });

test.each([
  [24, 24, 1, [24]],
  [23, 12, 2, [24, 12]],
  [11, 8, 3, [24, 12, 8]],
  [5, 4, 6, [24, 12, 8, 6, 4]],
  [1, 1, 24, [24, 12, 8, 6, 4, 3, 2, 1]],
])('with room for %i rows, batches have %i and a step has %i', async (room, rows, accumulate, tried) => {
  for (const fail of [throws, says]) {
    const { attempt, asked } = roomFor(room, fail);
    const told: RunEvent[] = [];
    const { accumulate: chosen = 1, ...rest } = await fitAccumulate(
      recipe,
      { onEvent: (event) => void told.push(event) },
      attempt,
    );
    expect({ ...rest, chosen }).toEqual({ batchSize: rows, device: 'cuda', seed: 7, chosen: accumulate });
    expect(asked).toEqual(tried);
    const facts = { accumulate, rows, length: 128, device: 'cuda', tooMany: tried.slice(0, -1) };
    expect(told).toEqual([{ type: 'accumulate', ...facts }]);
  }
});

test('no room for one row is an error, and so is any other failure', async () => {
  const quiet = { onEvent: () => {} };
  await expect(fitAccumulate(recipe, quiet, roomFor(0, throws).attempt)).rejects.toMatchObject({
    kind: 'job',
    message: expect.stringContaining('--accumulate: expected room on cuda for batches of one row, got none; lower'),
  });
  const broken = new Error('model: expected one that loads');
  await expect(fitAccumulate(recipe, quiet, () => Promise.reject(broken))).rejects.toBe(broken);
});

test.each([
  ['a number is what it is', { accumulate: 3, batchSize: 8 }, { batchSize: 2, accumulate: 4 }, { accumulate: 3 }],
  ['auto of a new run is to be found', { accumulate: 'auto' as const }, undefined, { accumulate: 1 }],
  [
    'auto goes on with what was found',
    { accumulate: 'auto' as const },
    { batchSize: 8, accumulate: 4 },
    { accumulate: 4, batchSize: 8 },
  ],
  [
    'auto goes on with one batch a step',
    { accumulate: 'auto' as const, batchSize: 6 },
    { batchSize: 6 },
    { accumulate: 1, batchSize: 6 },
  ],
  [
    'but not with another number of rows',
    { accumulate: 'auto' as const, batchSize: 64 },
    { batchSize: 8, accumulate: 4 },
    { accumulate: 1 },
  ],
])('%s', (_, asked, stored, expected) => {
  expect(batchesOf(asked, stored, 32)).toEqual(expected);
});
