import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { architectureOf, buildModel, headOf, parameterTensors, saveModel } from '@neuroprune/models';
import { float32, sizeOf } from '@neuroprune/onnx';
import { type TrainRequest, train } from '@neuroprune/prune';
import type { Batch } from '@neuroprune/runtime';
import { prune } from 'neuroprune';
import { expect, it, onTestFinished } from 'vitest';
import { root } from './workspace.js';

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

const architecture = architectureOf(json);
const config = architecture.config.parse(json);

function model() {
  let drawn = 0;
  const noise = () => ((43758.5453 * Math.sin(12.9898 * ++drawn)) % 1) / 20;
  const initialize = (name: string, dims: readonly number[]) => {
    const one = name.endsWith('LayerNorm.weight') ? 1 : 0;
    return float32(
      Float32Array.from({ length: sizeOf(dims) }, () => one + noise()),
      dims,
    );
  };
  return buildModel({ config, tensors: new Map(), labels: 2, initialize });
}

/** Writes the model with a tokenizer. */
async function writeModel(folder: string): Promise<void> {
  const built = model();
  const tensors = parameterTensors(built.model, built.parameters);
  const head = headOf(config, { numLabels: 2 });
  await saveModel(folder, { config, head, task: 'sequence-classification', tensors });
  const source = path.join(root, 'fixtures/hub/models/neuroprune/bert-micro-uncased');
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    await cp(path.join(source, file), path.join(folder, file));
}

/** Writes rows of both splits. */
async function writeRows(folder: string): Promise<void> {
  await mkdir(folder);
  const line = (_: unknown, i: number) =>
    `a ${i % 3 ? 'good' : 'bad'} film${' again'.repeat(i % 7)},${i % 3 ? 1 : 0}\n`;
  for (const split of ['train', 'validation'])
    await writeFile(path.join(folder, `${split}.csv`), `text,label\n${Array.from({ length: 200 }, line).join('')}`);
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
  model: model().model,
  groups: architecture.prunable(config),
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

/** Watches for how long this thread is held at a time. */
function watchHolds(): number[] {
  const held: number[] = [];
  let before = ownTime();
  const timer = setInterval(() => {
    const now = ownTime();
    held.push(now - before);
    before = now;
  }, 1);
  onTestFinished(() => clearInterval(timer));
  return held;
}

async function temporary(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'event-loop-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Milliseconds for which a program may be kept from its timers, signals and servers. */
const BOUND = 50;
it.skipIf(process.platform !== 'linux')(
  'the loop of events is never held while training runs, prunes and keeps checkpoints',
  async () => {
    const folder = await temporary();
    const seen: string[] = [];
    const held = watchHolds();
    await train(request, {
      checkpoint: { dir: path.join(folder, 'checkpoints'), every: { steps: 4 }, onStart: () => held.splice(0) },
      onEvent: ({ type }) => seen.push(type),
    });
    expect(seen.filter((type) => type === 'checkpoint').length).toBeGreaterThan(2);
    expect(held.length).toBeGreaterThan(50);
    expect(Math.max(...held)).toBeLessThan(BOUND);
  },
);

it.skipIf(process.platform !== 'linux')(
  'the loop of events is never held by a whole job: reading, tokens, training, cutting, proof and report',
  async () => {
    const folder = await temporary();
    await writeModel(path.join(folder, 'model'));
    await writeRows(path.join(folder, 'data'));
    const stages: string[] = [];
    const held = watchHolds();
    await prune(
      {
        model: 'model',
        dataset: 'data',
        sparsity: 0.5,
        heads: 11,
        maxSteps: 40,
        batchSize: 2,
        out: 'run',
        threads: 1,
        offline: true,
      },
      { cwd: folder, env: {}, onEvent: (event) => event.type === 'stage' && stages.push(event.stage) },
    );
    expect(stages).toEqual(expect.arrayContaining(['prepare', 'compact', 'prove', 'evaluate', 'latency', 'report']));
    expect(held.length).toBeGreaterThan(50);
    expect(Math.max(...held)).toBeLessThan(BOUND);
  },
);
