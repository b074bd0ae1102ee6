import { createHash } from 'node:crypto';
import type { Batch } from '@neuroprune/runtime';
import { expect, it } from 'vitest';
import { rowsOfLengths } from '../test/shared.js';
import { epochBatches, evaluationBatches } from './batches.js';
import { stream } from './random.js';

const lengths = (count: number, longest: number, seed: number): number[] => {
  const below = stream(seed, 7);
  return Array.from({ length: count }, () => 2 + below(longest - 1));
};

/** SHA-256 over every byte of some batches. */
function hashOf(batches: Iterable<Batch>): string {
  const hash = createHash('sha256');
  for (const { rows, length, inputs, labels, weights, tokens } of batches) {
    hash.update(`${rows} ${length} ${tokens} ${Object.keys(inputs)} ${labels.constructor.name}`);
    for (const { buffer } of [...Object.values(inputs), labels, weights]) hash.update(new Uint8Array(buffer));
  }
  return hash.digest('hex').slice(0, 16);
}

// A recipe's seed promises its batches to the bit: these hashes may not change without a new major version.
it.each([
  [1, 32, 8, 0, 0, false, 'd14dbcf1ddba8737 5d6b1a0de31bf306'],
  [100, 32, 40, 0, 0, false, '6520b3de3296a34a ddd7309fba2a5e75'],
  [1000, 32, 128, 0, 1, false, '09d2d2510d795fc0 216f5816449f689d'],
  [1000, 16, 128, 42, 7, true, 'b6066575da58cf2f e97f82407a1a1b69'],
  [3333, 8, 70, 2 ** 40, 2, false, '545245597fd8322e 4abb8894cde6ca94'],
])(
  '%i rows, batch %i, up to %i tokens, seed %i, epoch %i: the batches of every release',
  (count, batchSize, longest, seed, epoch, regression, expected) => {
    const set = rowsOfLengths(lengths(count, longest, count), regression);
    const train = hashOf(epochBatches(set, { batchSize, seed, epoch }));
    const score = hashOf(Array.from(evaluationBatches(set, batchSize), ({ batch }) => batch));
    expect(`${train} ${score}`).toBe(expected);
  },
);
