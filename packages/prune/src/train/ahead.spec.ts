import type { createTraining } from '@neuroprune/runtime';
import { beforeEach, expect, it, vi } from 'vitest';
import { tinyBatches, tinyBert } from '../../test/tiny-bert.js';
import type { BatchList, TrainRequest } from './request.js';
import { train } from './train.js';

vi.mock('./chunks.js', () => ({ chunkSeconds: () => 2, chunkSize: () => 2 }));

const log = vi.hoisted((): string[] => []);
vi.mock('@neuroprune/runtime', async (original) => {
  const runtime = await original<typeof import('@neuroprune/runtime')>();
  const create: typeof createTraining = async (...args) => {
    const training = await runtime.createTraining(...args);
    return {
      ...training,
      runStaged: async (staged) => {
        log.push('run');
        const results = await training.runStaged(staged);
        log.push('ran');
        return results;
      },
    };
  };
  return { ...runtime, createTraining: create };
});

beforeEach(() => {
  log.length = 0;
});

const request = (at: BatchList['at']): TrainRequest => ({
  ...tinyBert(),
  loss: 'crossEntropy',
  method: { name: 'dense' },
  batches: () => ({ length: 8, at }),
  epochs: 1,
  maxSteps: 6,
  lr: 1e-3,
  schedule: 'linear',
  warmup: 0,
  weightDecay: 0.01,
  dropout: 0,
  seed: 1,
  maxLength: 8,
  session: { threads: 1 },
});

it('makes the next chunk ready while one runs, and none after the last', async () => {
  await train(
    request((i) => {
      log.push(`batch ${i}`);
      return tinyBatches().at(i);
    }),
  );
  const rows = ['batch 0', 'batch 1', 'run', 'batch 2', 'batch 3', 'ran', 'run', 'batch 4', 'batch 5', 'ran'];
  expect(log).toEqual([...rows, 'run', 'ran']);
});

it('says what went wrong with a batch when its turn comes, after the steps before it', async () => {
  const steps: number[] = [];
  const failing = train(
    request((i) => {
      if (i === 3) throw new Error('no such batch');
      return tinyBatches().at(i);
    }),
    { onEvent: (event) => event.type === 'train' && steps.push(event.step) },
  );
  await expect(failing).rejects.toThrow('no such batch');
  expect(steps).toEqual([2]);
});
