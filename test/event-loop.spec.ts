import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { architectureOf, buildModel } from '@neuroprune/models';
import { float32, sizeOf } from '@neuroprune/onnx';
import { type TrainRequest, train } from '@neuroprune/prune';
import type { Batch } from '@neuroprune/runtime';
import { expect, it, onTestFinished } from 'vitest';

/** A BERT of 3.4 million weights, 2.4 of them prunable: large enough that work on its state takes longer than the bound. */
const json = {
  model_type: 'bert',
  vocab_size: 3000,
  hidden_size: 256,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  intermediate_size: 1024,
  max_position_embeddings: 64,
  type_vocab_size: 2,
};

function model() {
  const architecture = architectureOf(json);
  const config = architecture.config.parse(json);
  let drawn = 0;
  const noise = () => ((43758.5453 * Math.sin(12.9898 * ++drawn)) % 1) / 20;
  const initialize = (name: string, dims: readonly number[]) => {
    const one = name.endsWith('LayerNorm.weight') ? 1 : 0;
    return float32(
      Float32Array.from({ length: sizeOf(dims) }, () => one + noise()),
      dims,
    );
  };
  const built = buildModel({ config, tensors: new Map(), labels: 2, initialize });
  return { model: built.model, groups: architecture.prunable(config) };
}

const [rows, length] = [4, 32];
const batch: Batch = {
  rows,
  length,
  inputs: {
    input_ids: Int32Array.from({ length: rows * length }, (_, i) => 7 + ((i * 31) % 2900)),
    attention_mask: new Int32Array(rows * length).fill(1),
    token_type_ids: new Int32Array(rows * length),
  },
  labels: Int32Array.of(0, 1, 1, 0),
  weights: new Float32Array(rows).fill(1),
  tokens: rows * length,
};

const request: TrainRequest = {
  ...model(),
  loss: 'crossEntropy',
  method: { name: 'neuroprune', solver: 'threshold', sparsity: 0.5, heads: 10, outGrouping: 'joint', gamma: 1 },
  batches: () => Array.from({ length: 12 }, () => batch),
  epochs: 1,
  lr: 1e-4,
  schedule: 'linear',
  warmup: 0,
  weightDecay: 0.01,
  dropout: 0,
  seed: 1,
  maxLength: 32,
  session: { threads: 1 },
};

/**
 * Milliseconds of the CPU that this thread has had. Between two turns of the loop they are the time for which it was held;
 * `monitorEventLoopDelay` says that too, but counts what other programs take of the CPU as well. Linux only.
 */
const ownTime = () => Number(readFileSync('/proc/thread-self/schedstat', 'utf8').split(' ')[0]) / 1e6;

/** Milliseconds for which a program may be kept from its timers, signals and servers. */
const BOUND = 50;
it.skipIf(process.platform !== 'linux')(
  'the loop of events is never held while training runs, prunes and keeps checkpoints',
  async () => {
    const folder = await mkdtemp(path.join(os.tmpdir(), 'event-loop-'));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const held: number[] = [];
    const seen: string[] = [];
    let before = Number.NaN;
    const timer = setInterval(() => {
      const now = ownTime();
      held.push(now - before);
      before = now;
    }, 1);
    onTestFinished(() => clearInterval(timer));
    const begin = () => {
      before = ownTime();
      held.length = 0;
    };
    await train(request, {
      checkpoint: { dir: path.join(folder, 'checkpoints'), every: { steps: 4 }, onStart: begin },
      onEvent: ({ type }) => seen.push(type),
    });
    clearInterval(timer);
    expect(seen.filter((type) => type === 'checkpoint').length).toBeGreaterThan(2);
    expect(held.length).toBeGreaterThan(50);
    expect(Math.max(...held)).toBeLessThan(BOUND);
  },
);
