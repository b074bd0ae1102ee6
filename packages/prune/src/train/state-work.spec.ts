import type { Stack } from '@neuroprune/onnx';
import { expect, it } from 'vitest';
import { tinyBert } from '../../test/tiny-bert.js';
import { neededState, type StateSetup } from './state-work.js';

const { groups } = tinyBert();
const query = groups[0]?.heads.query.weight as string;
const stack = (name: string, members: readonly string[], slots: readonly string[]): Stack => ({
  name,
  members,
  shape: [2, 2],
  masked: false,
  slots,
});

const setup = (averaged: boolean): StateSetup => {
  const slots = averaged ? ['w', 'm', 'v', 'ema'] : ['w', 'm', 'v'];
  const stacks = [stack('pruned', [query, 'another'], slots), stack('words', ['embeddings'], slots)];
  const signature = { stacks, copies: [], variables: [], batch: [], scalars: [], results: [] };
  return {
    method: { name: 'dense' },
    groups,
    ramp: { steps: 10, epochSteps: 10 },
    parameters: { signature, fixed: new Map(), masked: new Set(), averaged },
  };
};

it.each([
  ['pruning: weights of stacks in which something may be pruned', 'prune', false, ['pruned.w']],
  ['pruning with averages', 'prune', true, ['pruned.w', 'pruned.ema']],
  ['what the run would end with: all weights', 'tensors', false, ['pruned.w', 'words.w']],
  ['what it would end with, averaged', 'tensors', true, ['pruned.w', 'pruned.ema', 'words.w', 'words.ema']],
] as const)('%s', (_, type, averaged, names) => {
  const job = type === 'prune' ? { type, step: 1 } : { type };
  expect([...(neededState(setup(averaged), job).names ?? [])]).toEqual(names);
});

it('a checkpoint needs all of it', () => expect(neededState(setup(true), { type: 'copy' }).names).toBeUndefined());
