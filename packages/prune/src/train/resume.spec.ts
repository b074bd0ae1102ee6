import { createHash } from 'node:crypto';
import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Tensor } from '@neuroprune/onnx';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { temporaryFolder } from '../../test/models.js';
import { tinyBatches, tinyBert } from '../../test/tiny-bert.js';
import { checkpointSteps, readCheckpoint } from '../checkpoint/folder.js';
import type { SubgradientMethod, ThresholdMethod } from '../method.js';
import type { CheckpointOptions, TrainContext, TrainPoint, TrainRequest, TrainRunEvent } from './request.js';
import { train } from './train.js';

// Chunks are sized by time; a limit makes them as short as a test wants.
const limit = vi.hoisted(() => ({ steps: 1 }));
vi.mock('./chunks.js', () => ({
  chunkSeconds: () => 2,
  chunkSize: (done: number, steps: number, events: readonly number[]) =>
    Math.min(limit.steps, (events.find((event) => event > done) ?? steps) - done),
}));

beforeEach(() => {
  limit.steps = 1;
});

const tiny = tinyBert();
const threshold: ThresholdMethod = {
  name: 'neuroprune',
  solver: 'threshold',
  sparsity: 0.6,
  heads: 5,
  outGrouping: 'joint',
  gamma: 1,
};
const subgradient: SubgradientMethod = {
  name: 'neuroprune',
  solver: 'subgradient',
  alpha: 1e-4,
  beta: 1e-3,
  heads: 6,
  sparsity: 0.6,
  outGrouping: 'joint',
};
const methods = {
  dense: { name: 'dense' },
  gradual: { name: 'gradual', sparsity: 0.6 },
  threshold,
  subgradient,
} as const;
const STEPS = 24;

const request = (changes: Partial<TrainRequest> = {}): TrainRequest => ({
  ...tiny,
  loss: 'crossEntropy',
  method: threshold,
  batches: (epoch) => (epoch % 2 === 0 ? tinyBatches() : tinyBatches().reverse()),
  epochs: 3,
  lr: 3e-3,
  schedule: 'linear',
  warmup: 0.1,
  weightDecay: 0.01,
  dropout: 0.1,
  seed: 0,
  session: { threads: 1 },
  maxLength: 16,
  ...changes,
});

/** What a finished run is compared by: weights bit by bit, and what the host counted. */
async function outcome(changes: Partial<TrainRequest>, context: TrainContext = {}) {
  const { tensors, steps, tokens, paddedTokens, removals } = await train(request(changes), context);
  return { bits: bitsOf(tensors), steps, tokens, paddedTokens, removals };
}

function bitsOf(tensors: ReadonlyMap<string, Tensor>): string {
  const hash = createHash('sha256');
  for (const [name, { data }] of tensors) hash.update(name).update(data as Float32Array);
  return hash.digest('hex');
}

interface Stopped {
  readonly events: TrainRunEvent[];
  readonly error: unknown;
}

/** Stops a run by its signal once `step` is done, or by an error at the `hit`-th time that a point is reached. */
async function stopped(
  changes: Partial<TrainRequest>,
  checkpoint: CheckpointOptions,
  at: { readonly step: number } | { readonly point: TrainPoint; readonly hit: number },
): Promise<Stopped> {
  const controller = new AbortController();
  const events: TrainRunEvent[] = [];
  let hits = 0;
  const context: TrainContext = {
    signal: controller.signal,
    checkpoint,
    onEvent: (event) => {
      events.push(event);
      if ('step' in at && event.type === 'train' && event.step >= at.step) controller.abort('stopped');
    },
    at: (point) => {
      if ('point' in at && point === at.point && ++hits === at.hit) throw new Error('power loss');
    },
  };
  const error = await train(request(changes), context).catch((reason: unknown) => reason);
  return { events, error };
}

/** Goes on, with all events. */
async function resumed(changes: Partial<TrainRequest>, checkpoint: CheckpointOptions) {
  const events: TrainRunEvent[] = [];
  const result = await outcome(changes, {
    checkpoint: { ...checkpoint, resume: true },
    onEvent: (event) => events.push(event),
  });
  const warnings = events.flatMap((event) => (event.type === 'warning' ? [event.message] : []));
  return { result, events, warnings, from: events.find((event) => event.type === 'resume')?.step };
}

describe.each(Object.entries(methods))('%s', (_, method) => {
  test('stopped by its signal at any step, goes on to the same bits', async () => {
    const whole = await outcome({ method });
    for (const step of [1, 7, 8, 16, 17, 23]) {
      const dir = await temporaryFolder();
      const { error } = await stopped({ method }, { dir }, { step });
      expect(error).toBe('stopped');
      expect(await checkpointSteps(dir)).toEqual([step]);
      limit.steps = 5;
      const { result, from, warnings } = await resumed({ method }, { dir });
      expect({ result, from, warnings }).toEqual({ result: whole, from: step, warnings: [] });
      limit.steps = 1;
    }
  });

  test('stopped three times', async () => {
    const whole = await outcome({ method });
    const dir = await temporaryFolder();
    for (const step of [5, 9, 18]) await stopped({ method }, { dir, resume: true }, { step });
    expect((await resumed({ method }, { dir })).result).toEqual(whole);
  });
});

describe('a fault in the middle', () => {
  test.each<[TrainPoint, number, number]>([
    ['checkpoint-write', 1, 0],
    ['checkpoint-write', 3, 8],
    ['checkpoint-rename', 1, 0],
    ['checkpoint-rename', 4, 12],
    ['heads', 1, 0],
    ['heads', 2, 4],
    ['trim', 1, 16],
  ])('at %s for the %i. time: goes on from step %i', async (point, hit, step) => {
    const whole = await outcome({});
    const dir = await temporaryFolder();
    const options = { dir, every: { steps: 4 } };
    const { error } = await stopped({}, options, { point, hit });
    expect(error).toMatchObject({ message: 'power loss' });
    const { result, from = 0 } = await resumed({}, options);
    expect({ result, from }).toEqual({ result: whole, from: step });
  });

  test('after the last step: what is left is to give the result', async () => {
    const dir = await temporaryFolder();
    const whole = await outcome({}, { checkpoint: { dir } });
    const { result, from, events } = await resumed({}, { dir });
    expect({ result, from }).toEqual({ result: whole, from: STEPS });
    expect(events.map(({ type }) => type)).toEqual(['resume']);
  });
});

describe('checkpoints', () => {
  test.each<[string, Partial<CheckpointOptions>, number[]]>([
    ['the newest two stay', { every: { steps: 5 } }, [20, 24]],
    ['as many as asked for', { every: { steps: 5 }, keep: 4 }, [10, 15, 20, 24]],
    ['one at the end in any case', { every: { seconds: 1000 }, keep: 9 }, [24]],
    ['by time, at each chunk here', { every: { seconds: 0 }, keep: 3 }, [22, 23, 24]],
    ['every five minutes, where nothing is said', { keep: 9 }, [24]],
  ])('%s', async (_, options, steps) => {
    const dir = await temporaryFolder();
    const events: TrainRunEvent[] = [];
    await outcome({}, { checkpoint: { dir, ...options }, onEvent: (event) => events.push(event) });
    expect(await checkpointSteps(dir)).toEqual(steps);
    expect((await readdir(dir)).sort()).toEqual(steps.map(String).sort());
    const written = events.flatMap((event) => (event.type === 'checkpoint' ? [event.step] : []));
    expect(written.slice(-steps.length)).toEqual(steps);
  });

  test('hold every slot of the state, the position and what the host knows', async () => {
    const dir = await temporaryFolder();
    await stopped({}, { dir, note: () => ({ mine: 7 }) }, { step: 19 });
    const progress = JSON.parse(await readFile(path.join(dir, '19/progress.json'), 'utf8'));
    expect(progress).toMatchObject({
      step: 19,
      steps: 24,
      epochSteps: 8,
      next: { epoch: 2, batch: 3 },
      note: { mine: 7 },
    });
    expect(progress.removals.length).toBeGreaterThan(0);
    expect(progress.request).toMatchObject({ seed: 0, dropout: 0.1, method: threshold, session: { threads: 1 } });
    const notes: unknown[] = [];
    await resumed({}, { dir, onStart: (step, note) => notes.push([step, note]) });
    await outcome({}, { checkpoint: { dir, onStart: (step, note) => notes.push([step, note]) } });
    expect(notes).toEqual([
      [19, { mine: 7 }],
      [0, undefined],
    ]);
  });

  test.each<[Partial<CheckpointOptions>, string]>([
    [{ every: { steps: 0 } }, 'steps between two from 1, got 0'],
    [{ every: { steps: 2.5 } }, 'steps between two from 1, got 2.5'],
    [{ keep: 0 }, 'number to keep from 1, got 0'],
  ])('with %j are refused', async (options, message) => {
    const running = train(request(), { checkpoint: { dir: await temporaryFolder(), ...options } });
    await expect(running).rejects.toMatchObject({ kind: 'input', message: expect.stringContaining(message) });
  });

  test('a run that starts anew removes those of an earlier one', async () => {
    const dir = await temporaryFolder();
    await stopped({}, { dir }, { step: 9 });
    await outcome({ seed: 1 }, { checkpoint: { dir, keep: 9 } });
    expect(await checkpointSteps(dir)).toEqual([24]);
  });
});

/** Accumulation, clipping, averages, a teacher, what is frozen, and scores that keep the best and end the run early. */
const everything: Partial<TrainRequest> = {
  epochs: 6,
  schedule: 'one-cycle',
  accumulate: 3,
  maxGradNorm: 0.5,
  ema: 0.8,
  layerDecay: 0.9,
  labelSmoothing: 0.1,
  classWeights: [1, 2],
  freeze: ['bert.embeddings.*'],
  distill: { weight: 0.3, temperature: 2 },
  teacher: async ({ rows }) => ({ 'teacher.logits': Float32Array.from({ length: rows * 2 }, (_, i) => Math.sin(i)) }),
  watch: { every: 1, patience: 3, keepBest: true },
  score: async (tensors) => Math.sin(1e3 * (tensors.get('classifier.weight')!.data as Float32Array)[0]!),
};

describe('with every option of the trainer', () => {
  const endings = async (changes: Partial<TrainRequest>, context: TrainContext = {}) => {
    const { tensors, best, stoppedEarly, steps, removals } = await train(request(changes), context);
    return { bits: bitsOf(tensors), best, stoppedEarly, steps, removals };
  };

  test.each<[string, Partial<TrainRequest>]>([
    ['pruning, fp32', {}],
    ['dense, fp16', { method: { name: 'dense' }, precision: 'fp16' }],
  ])('stopped at any step, goes on to the same bits and the same best: %s', async (_, also) => {
    const changes = { ...everything, ...also };
    const whole = await endings(changes);
    expect(whole.best?.step).toBeLessThan(whole.steps);
    for (const step of [1, 2, 5, 9, 13, whole.steps].filter((at) => at <= whole.steps)) {
      const dir = await temporaryFolder();
      await stopped(changes, { dir }, { step });
      expect(await checkpointSteps(dir)).toEqual([step]);
      const again = await endings(changes, { checkpoint: { dir, resume: true } });
      expect({ step, ...again }).toEqual({ step, ...whole });
    }
  });

  test('the place in the data is that of the next batch', async () => {
    const dir = await temporaryFolder();
    await stopped(everything, { dir }, { step: 5 });
    const progress = JSON.parse(await readFile(path.join(dir, '5/progress.json'), 'utf8'));
    expect(progress).toMatchObject({ epochSteps: 3, epochBatches: 8, next: { epoch: 1, batch: 6 } });
  });
});

/** Breaks the checkpoint of a step. */
type Break = (folder: string) => Promise<void>;
const flipped =
  (name: string, at: number): Break =>
  async (folder) => {
    const file = path.join(folder, name);
    const bytes = await readFile(file);
    const i = at < 0 ? bytes.length + at : at;
    bytes[i] = bytes[i]! ^ 1;
    await writeFile(file, bytes);
  };
const breaks: readonly [string, Break, RegExp][] = [
  ['a flipped bit in the state', flipped('state.safetensors', -77), /expected state\.safetensors as its SHA-256 says/],
  ['a flipped bit in the progress', flipped('progress.json', 12), /expected progress\.json as its SHA-256 says/],
  ['a flipped bit in a hash', flipped('manifest.json', -12), /expected/],
  [
    'a state cut short',
    (folder) => truncate(path.join(folder, 'state.safetensors'), 999),
    /expected \d+ bytes in state/,
  ],
  ['an empty state', (folder) => truncate(path.join(folder, 'state.safetensors'), 0), /expected \d+ bytes .* got 0/],
  ['a missing file', (folder) => rm(path.join(folder, 'progress.json')), /ENOENT/],
  ['an empty manifest', (folder) => writeFile(path.join(folder, 'manifest.json'), ''), /JSON/],
  ['no manifest', (folder) => rm(path.join(folder, 'manifest.json')), /ENOENT/],
  [
    'the files of another step',
    (folder) => cp(path.join(folder, '../12'), folder, { recursive: true, force: true }),
    /expected the manifest\.json of step 15/,
  ],
];

describe('a checkpoint that is not as it was written', () => {
  test.each(breaks)('%s: is left aside for the one before, with a warning', async (_, breakIt, message) => {
    const whole = await outcome({});
    const dir = await temporaryFolder();
    const options = { dir, every: { steps: 3 } };
    await stopped({}, options, { step: 15 });
    expect(await checkpointSteps(dir)).toEqual([12, 15]);
    await breakIt(path.join(dir, '15'));
    const { result, from, warnings } = await resumed({}, options);
    expect({ result, from }).toEqual({ result: whole, from: 12 });
    expect(warnings).toEqual([expect.stringMatching(message)]);
    expect(warnings[0]).toContain(path.join(dir, '15'));
    expect(await readdir(dir)).toEqual(['15.corrupt', '21', '24']);
  });

  test('all of them: the run starts anew, with warnings', async () => {
    const dir = await temporaryFolder();
    await stopped({}, { dir, every: { steps: 3 } }, { step: 8 });
    for (const step of await checkpointSteps(dir)) await truncate(path.join(dir, String(step), 'state.safetensors'), 1);
    const { result, from, warnings } = await resumed({}, { dir });
    expect({ result, from }).toEqual({ result: await outcome({}), from: undefined });
    expect(warnings).toHaveLength(3);
    expect(warnings[2]).toBe(`resume: expected a checkpoint in ${dir}, found none; starting anew`);
  });
});

test.each<[string, Partial<TrainRequest>, string]>([
  ['seed', { seed: 1 }, '0, got 1'],
  ['lr', { lr: 1e-3 }, '0.003, got 0.001'],
  ['schedule', { schedule: 'cosine' }, 'linear, got cosine'],
  ['dropout', { dropout: 0 }, '0.1, got 0'],
  ['session', { session: { threads: 2 } }, '{"threads":1}, got {"threads":2}'],
  ['method', { method: { ...threshold, gamma: 0.5 } }, '"gamma":1}, got '],
  ['accumulate', { accumulate: 2 }, 'undefined, got 2'],
  ['ema', { ema: 0.9 }, 'undefined, got 0.9'],
  ['watch', { watch: { patience: 2 }, score: async () => 1 }, 'undefined, got {"patience":2}'],
  ['epochs', { epochs: 2 }, '3, got 2'],
  ['maxSteps', { maxSteps: 20 }, 'undefined, got 20'],
  ['batches of an epoch', { batches: () => tinyBatches().slice(1), epochs: 3 }, '8, got 7'],
])('a run that goes on with another %s is refused, and the checkpoint stays', async (field, changes, got) => {
  const dir = await temporaryFolder();
  await stopped({}, { dir }, { step: 9 });
  const going = train(request(changes), { checkpoint: { dir, resume: true } });
  await expect(going).rejects.toMatchObject({
    kind: 'input',
    message: expect.stringContaining(`resume: expected the ${field} of the run that was stopped`),
  });
  await expect(going).rejects.toThrow(got);
  expect(await checkpointSteps(dir)).toEqual([9]);
});

describe('a loss that is no number', () => {
  const options: Partial<TrainRequest> = { lr: 1e30, schedule: 'constant', method: { name: 'dense' }, warmup: 0.5 };

  test('names the step, the rows and the last good checkpoint, which stays', async () => {
    const dir = await temporaryFolder();
    const poisoned = tinyBatches().map((batch, b) => ({
      ...batch,
      numbers: [b, 10 + b],
      ...(b === 5 ? { weights: batch.weights.map(() => Number.NaN) } : {}),
    }));
    const running = train(request({ batches: () => poisoned }), { checkpoint: { dir, every: { steps: 1 }, keep: 9 } });
    await expect(running).rejects.toMatchObject({
      kind: 'job',
      message:
        'prune: training: expected a finite loss, got NaN at step 6 (rows 5, 15 of the data, from 0), the last good checkpoint is that of step 5; lower the learning rate',
    });
    expect(await checkpointSteps(dir)).toEqual([1, 2, 3, 4, 5]);
  });

  test('weights that are no numbers are in no checkpoint', async () => {
    const dir = await temporaryFolder();
    const running = train(request(options), { checkpoint: { dir, every: { steps: 1 }, keep: 99 } });
    await expect(running).rejects.toThrow(/training: expected (a finite loss|finite weights), got .* step \d+/);
    for (const step of await checkpointSteps(dir))
      for (const [, { data }] of (await readCheckpoint(dir, step)).tensors)
        expect((data as Float32Array).every(Number.isFinite)).toBe(true);
  });
});
