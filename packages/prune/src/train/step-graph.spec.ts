import { describe, expect, it } from 'vitest';
import { tinyBatches, tinyBert } from '../../test/tiny-bert.js';
import { prunerOf } from './pruner.js';
import type { TrainRequest } from './request.js';
import { stepGraph } from './step-graph.js';

const tiny = tinyBert();
const ramp = { steps: 10, start: 0, end: 1 } as never;

const request = (device: NonNullable<TrainRequest['session']>['device']): TrainRequest => ({
  ...tiny,
  loss: 'crossEntropy',
  method: { name: 'dense' },
  batches: () => tinyBatches(),
  epochs: 1,
  lr: 3e-3,
  schedule: 'constant',
  warmup: 0,
  weightDecay: 0,
  dropout: 0.1,
  seed: 0,
  session: { threads: 1, ...(device ? { device } : {}) },
  maxLength: 16,
});

const generators = (device: 'cpu' | 'cuda' | 'webgpu') =>
  stepGraph(request(device), prunerOf({ name: 'dense' }, tiny.groups, ramp)).graph.nodes.filter(
    // Masks are made by one; that of GELU's slope is a line.
    (n) => n.opType === 'HardSigmoid' && n.attributes.alpha?.value !== 0.5,
  ).length;

describe('the step graph of a device', () => {
  it('makes dropout masks together on a GPU, one by one on the processor', () => {
    const [cpu, cuda, webgpu] = [generators('cpu'), generators('cuda'), generators('webgpu')];
    expect(cpu).toBe(2 + 3 * tiny.groups.length); // embeddings, head; attention and both halves of each layer
    expect(cuda).toBe(3); // tokens, attention, head
    expect(webgpu).toBe(cuda);
  });
});
