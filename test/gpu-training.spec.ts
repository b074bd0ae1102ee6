import { mkdtemp, readdir, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Tensor } from '@neuroprune/onnx';
import {
  type Method,
  type TrainContext,
  type TrainEvent,
  type TrainRequest,
  type TrainRunEvent,
  train,
} from '@neuroprune/prune';
import { describe, expect, it, onTestFinished } from 'vitest';
import { tinyBatches, tinyBert } from '../packages/prune/test/tiny-bert.js';
import { children } from '../packages/runtime/test/children.js';
import { devices, titleOf } from '../packages/runtime/test/devices.js';

const tiny = tinyBert();

const request = (changes: Partial<TrainRequest>): TrainRequest => ({
  ...tiny,
  loss: 'crossEntropy',
  method: { name: 'dense' },
  batches: () => tinyBatches(),
  epochs: 6,
  lr: 1e-3,
  schedule: 'linear',
  warmup: 0.1,
  weightDecay: 0.01,
  dropout: 0.1,
  seed: 1,
  maxLength: 8,
  ...changes,
});

/** What a run tells of, step by step, and ends with. */
async function ran(changes: Partial<TrainRequest>, context: TrainContext = {}) {
  const events: TrainEvent[] = [];
  const result = await train(request(changes), {
    ...context,
    onEvent: (event) => {
      if (event.type === 'train') events.push(event);
      context.onEvent?.(event);
    },
  });
  return { events, result };
}

const folderOfRun = async () => {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'gpu-training-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return path.join(dir, 'checkpoints');
};

const zerosIn = (tensors: ReadonlyMap<string, Tensor>) =>
  [...tensors].map(([name, { data }]) => [name, [...(data as Float32Array)].filter((w) => w === 0).length]);

/** Of all steps; how many make a chunk depends on the time they take. */
const meanLoss = (events: readonly TrainEvent[]): number =>
  events.reduce((sum, { step, loss }, i) => sum + loss * (step - (events[i - 1]?.step ?? 0)), 0) /
  (events.at(-1)?.step ?? 0);

/** The largest distance of two sets of tensors, in units of each one's largest number. */
function distance(actual: ReadonlyMap<string, Tensor>, expected: ReadonlyMap<string, Tensor>): number {
  return Math.max(
    ...[...expected].map(([name, { data }]) => {
      const [got, want] = [actual.get(name)?.data as Float32Array, data as Float32Array];
      const size = want.reduce((m, w) => Math.max(m, Math.abs(w)), 1e-3);
      return want.reduce((worst, w, i) => Math.max(worst, Math.abs(w - (got[i] as number)) / size), 0);
    }),
  );
}

const method: Method = {
  name: 'neuroprune',
  solver: 'threshold',
  sparsity: 0.5,
  heads: 6,
  outGrouping: 'joint',
  gamma: 1,
};

const gpus = devices.filter(({ device }) => device !== 'cpu').map((found) => [titleOf(found), found] as const);

/** A driver that computes on the CPU takes seconds to set a session up, and many times that on a machine with other work. */
const PATIENCE = 300_000;

describe.each(gpus)('training on %s', { timeout: PATIENCE }, (_, { device, absent }) => {
  const test = it.skipIf(absent !== undefined);
  const session = { device, threads: 1 };

  test('takes the course of cpu: the same heads go, the same weights are cut, the loss falls alike', async () => {
    const [expected, actual] = [await ran({ method, session: { threads: 1 } }), await ran({ method, session })];
    expect(actual.result.removals).toEqual(expected.result.removals);
    expect(zerosIn(actual.result.tensors)).toEqual(zerosIn(expected.result.tensors));
    const at = (events: readonly TrainEvent[]) => new Map(events.map((event) => [event.step, event]));
    const [got, want] = [at(actual.events), at(expected.events)];
    const both = [...want.keys()].filter((step) => got.has(step));
    expect(both.length).toBeGreaterThan(8);
    for (const step of both) {
      expect(got.get(step)).toMatchObject({ sparsity: want.get(step)?.sparsity, heads: want.get(step)?.heads });
    }
    // After 48 steps of rounding in another order, AdamW's steps being as large where gradients are next to nothing.
    expect(distance(actual.result.tensors, expected.result.tensors)).toBeLessThan(0.02);
    expect(Math.abs(meanLoss(actual.events) / meanLoss(expected.events) - 1)).toBeLessThan(1e-3);
    // Step 18 is a mask event and nothing else: the device takes it by itself, and no chunk ends there.
    expect(want.has(18)).toBe(true);
    expect(got.has(18)).toBe(false);
  });

  const short = { session, maxSteps: 6 };

  test('stops within a chunk of steps and goes on with the bits of a run that was not stopped', async () => {
    const whole = await ran(short);
    const dir = await folderOfRun();
    const stop = new AbortController();
    let chunks = 0;
    const stopped = ran(short, {
      checkpoint: { dir },
      signal: stop.signal,
      onEvent: (event) => {
        if (event.type !== 'train') return;
        chunks += 1;
        stop.abort(new Error('stopped'));
      },
    });
    await expect(stopped).rejects.toThrow('stopped');
    expect(chunks).toBe(1);
    const resumed = await ran(short, { checkpoint: { dir, resume: true } });
    expect(resumed.events[0]?.step).toBeGreaterThan(whole.events[0]?.step as number);
    expect(distance(resumed.result.tensors, whole.result.tensors)).toBe(0);
  });

  test.each([
    ['from cpu', { threads: 1 }, session, 'cpu', device],
    ['to cpu', session, { threads: 1 }, device, 'cpu'],
  ] as const)('goes on %s', async (_title, first, then, from, to) => {
    const whole = await ran({ ...short, session: first });
    const dir = await folderOfRun();
    const stop = new AbortController();
    const onEvent = ({ type }: TrainRunEvent) => type === 'train' && stop.abort(new Error('stopped'));
    const stopped = ran({ ...short, session: first }, { checkpoint: { dir }, signal: stop.signal, onEvent });
    await expect(stopped).rejects.toThrow('stopped');
    const warnings: string[] = [];
    const { events, result } = await ran(
      { ...short, session: then },
      {
        checkpoint: { dir, resume: true },
        onEvent: (event) => event.type === 'warning' && warnings.push(event.message),
      },
    );
    expect(warnings).toEqual([`resume: the device is ${to}, until step 4 it was ${from}; the last bits may differ`]);
    expect(events[0]?.step).toBeGreaterThan(4);
    expect(distance(result.tensors, whole.result.tensors)).toBeLessThan(0.005);
  });

  test.skipIf(process.platform !== 'linux')(
    'says when the process of the driver crashed, and goes on from the last checkpoint',
    async () => {
      const dir = await folderOfRun();
      const crashed = ran(short, {
        checkpoint: { dir, every: { steps: 2 } },
        onEvent: ({ type }) => {
          if (type === 'checkpoint') for (const pid of children()) process.kill(pid, 'SIGABRT');
        },
      });
      await expect(crashed).rejects.toThrow(
        new RegExp(`the process of sessions on ${device} ended with signal SIGABRT .*go on from the last checkpoint`),
      );
      expect((await readdir(dir)).length).toBeGreaterThan(0);
      const resumed = await ran(short, { checkpoint: { dir, resume: true } });
      expect(resumed.result.steps).toBe(6);
    },
  );
});
