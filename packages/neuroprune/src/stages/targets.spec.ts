import type { RunResult } from '@neuroprune/report';
import { expect, test } from 'vitest';
import { checkTargets } from './targets.js';

const result = (requested: number, reached: number, heads: RunResult['heads']) =>
  ({ sparsity: { requested, reached }, heads }) as RunResult;

test.each([
  ['as asked', result(0.7, 0.7, { total: 16, requested: 14, kept: 14 })],
  ['within a tenth of a point', result(0.7, 0.6991, { total: 16, kept: 16 })],
  ['nothing asked', result(0, 0, { total: 16, kept: 15 })],
])('%s passes', (_, run) => {
  expect(() => checkTargets(run)).not.toThrow();
});

test.each([
  ['too few zeros', result(0.7, 0.698, { total: 16, kept: 16 }), /^sparsity: expected 0\.7, got 0\.6980; the run/],
  ['too many zeros', result(0.7, 0.702, { total: 16, kept: 16 }), /got 0\.7020/],
  ['a head too many', result(0.7, 0.7, { total: 16, requested: 14, kept: 15 }), /^heads: expected 14 of 16, got 15/],
])('%s is a failed job that brings its result', (_, run, message) => {
  expect(() => checkTargets(run)).toThrow(
    expect.objectContaining({ kind: 'job', result: run, message: expect.stringMatching(message) }),
  );
});
