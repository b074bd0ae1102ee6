import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TrainRequest } from '@neuroprune/prune';
import type { Batch } from '@neuroprune/runtime';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RunEvent } from '../src/events.js';
import { parseOptions } from '../src/schema/parse.js';
import type { VerbInput } from '../src/schema/verbs.js';
import { statisticsOf } from '../src/stages/seeds.js';
import type { TrainOutcome } from '../src/verbs/train.js';
import { runVerb } from '../src/verbs.js';
import { fixtures, temporary } from './command.js';

// The trainer's request is caught where a test wants it, instead of being trained.
const caught = vi.hoisted(() => ({ use: undefined as ((request: unknown) => unknown) | undefined }));
vi.mock('@neuroprune/prune', async (original) => {
  const module = await original<typeof import('@neuroprune/prune')>();
  const train: typeof module.train = async (request, context) => {
    await caught.use?.(request);
    return module.train(request, context);
  };
  return { ...module, train };
});

const model = path.join(fixtures, 'models/neuroprune/bert-micro-uncased');
let folder = '';
let remove = async (): Promise<void> => {};

const texts = { pos: ['a good fine movie', 'a lovely film'], neg: ['a bad dull movie', 'an awful film'] };
const csv = (rows: number): string =>
  `id,text,label\n${Array.from({ length: rows }, (_, i) => {
    const label = i % 4 === 0 ? 'pos' : 'neg';
    return `${i},${texts[label][i % 3 === 0 ? 0 : 1]} number ${i},${label}\n`;
  }).join('')}`;

beforeAll(async () => {
  ({ folder, remove } = await temporary());
  await mkdir(path.join(folder, 'data'));
  await writeFile(path.join(folder, 'data/train.csv'), csv(80));
  await writeFile(path.join(folder, 'data/validation.csv'), csv(20));
  await mkdir(path.join(folder, 'scores'));
  const scores = (rows: number) => csv(rows).replaceAll('pos', '0.5').replaceAll('neg', '1.25');
  await writeFile(path.join(folder, 'scores/train.csv'), scores(40));
  await writeFile(path.join(folder, 'scores/validation.csv'), scores(10));
  await call({ method: 'dense', maxSteps: 2, out: 'teacher' });
});

afterAll(() => remove());
beforeEach(() => {
  caught.use = undefined;
});

type Options = Partial<VerbInput<'prune'>>;
const still = { signal: new AbortController().signal, onEvent: () => {} };
type Watch = { readonly signal?: AbortSignal; readonly onEvent?: (event: RunEvent) => void };

const call = (options: Options, watch: Watch = {}): Promise<TrainOutcome> =>
  runVerb(
    'prune',
    { model, dataset: 'data', method: 'dense', batchSize: 8, offline: true, threads: 1, ...options },
    { ...still, cwd: folder, env: { HF_HOME: path.join(folder, 'home') }, ...watch },
  ) as Promise<TrainOutcome>;

/** What the trainer is asked for. */
async function requested(options: Options, use: (request: TrainRequest) => unknown = () => {}): Promise<TrainRequest> {
  let request: TrainRequest | undefined;
  const enough = new Error('enough');
  caught.use = async (given) => {
    request = given as TrainRequest;
    await use(request);
    throw enough;
  };
  await expect(call({ out: 'caught', ...options })).rejects.toBe(enough);
  return request as TrainRequest;
}

const recipeIn = async (run: string) => JSON.parse(await readFile(path.join(folder, run, 'recipe.json'), 'utf8'));

describe('options reach the trainer', () => {
  it.each<[Options, Partial<TrainRequest>]>([
    [{ accumulate: 4 }, { accumulate: 4 }],
    [{ maxGradNorm: 0.5 }, { maxGradNorm: 0.5 }],
    [{ layerDecay: 0.9 }, { layerDecay: 0.9 }],
    [{ labelSmoothing: 0.1 }, { labelSmoothing: 0.1 }],
    [{ classWeights: [1, '2.5'] }, { classWeights: [1, 2.5] }],
    [{ classWeights: 'balanced' }, { classWeights: [80 / (2 * 60), 80 / (2 * 20)] }],
    [{ freeze: ['bert.embeddings.*', '*.bias'] }, { freeze: ['bert.embeddings.*', '*.bias'] }],
    [{ freeze: 'bert.embeddings.*' }, { freeze: ['bert.embeddings.*'] }],
    [{ ema: 0.99 }, { ema: 0.99 }],
    [{ precision: 'fp16' }, { precision: 'fp16' }],
    [{ precision: 'fp32' }, { session: { device: 'cpu', threads: 1, tf32: false } }],
    [{ schedule: 'one-cycle' }, { schedule: 'one-cycle', warmup: 0.3 }],
    [
      { schedule: 'one-cycle', warmup: 0.1 },
      { schedule: 'one-cycle', warmup: 0.1 },
    ],
    [{ evaluateEvery: '5' }, { watch: { every: 5 } }],
    [{ evaluateEvery: 'epoch' }, { watch: {} }],
    [{ earlyStopping: 3, keepBest: true }, { watch: { patience: 3, keepBest: true } }],
  ])('%j', async (options, expected) => {
    expect(await requested(options)).toMatchObject(expected);
  });

  it('none of them is there unless asked for', async () => {
    const given = Object.keys(await requested({}));
    const optional = ['accumulate', 'maxGradNorm', 'layerDecay', 'labelSmoothing', 'classWeights', 'freeze', 'ema'];
    const others = ['precision', 'watch', 'score', 'distill', 'teacher'];
    expect(given.filter((name) => [...optional, ...others].includes(name))).toEqual([]);
  });

  it('scores are of rows held out of the training rows, or of the validation split where it is named', async () => {
    const seen = async (options: Options) => {
      const scored: string[] = [];
      const onEvent = (event: RunEvent) => {
        if (event.type === 'evaluate') scored.push(`${event.split} ${event.total}`);
      };
      let [rows, best] = [0, 0];
      caught.use = async (given) => {
        const request = given as TrainRequest;
        rows = Array.from({ length: request.batches(0).length }, (_, i) => request.batches(0).at(i)!.weights)
          .flatMap((weights) => [...weights])
          .reduce((a, b) => a + b, 0);
        const tensors = request.model.graph.initializers.map((v) => [v.name, v.tensor!] as const);
        best = await request.score!(new Map(tensors));
        throw new Error('enough');
      };
      await expect(call({ out: 'caught', keepBest: true, ...options }, { onEvent })).rejects.toThrow('enough');
      expect(best).toBeGreaterThanOrEqual(0);
      return [rows, scored.at(-1)];
    };
    expect(await seen({})).toEqual([72, 'train, held out for scores in training 8']);
    await cp(path.join(folder, 'data/train.csv'), path.join(folder, 'undivided/train.csv'), { recursive: true });
    expect(await seen({ dataset: 'undivided' })).toEqual([64, 'train, held out for scores in training 8']);
    expect(await seen({ evaluateOn: 'validation' })).toEqual([80, 'validation 20']);
  });
});

describe('a teacher', () => {
  it('says for each batch what its model does, of logits and hidden states', async () => {
    const answers: Record<string, Float32Array>[] = [];
    const request = await requested(
      { teacher: 'teacher', distillWeight: 0.4, distillTemperature: 3, distillHidden: 2 },
      async ({ teacher, batches }) => {
        const batch = batches(0).at(0) as Batch;
        answers.push(await teacher!(batch), await teacher!(batch));
      },
    );
    const hidden = Object.entries(request.distill?.hidden ?? {});
    expect(request.distill).toMatchObject({ weight: 0.4, temperature: 3 });
    expect(hidden.map(([, weight]) => weight)).toEqual([0.5, 0.5, 0.5, 0.5]);
    const [first, second] = answers;
    expect(Object.keys(first!).sort()).toEqual(
      ['logits', ...hidden.map(([name]) => name)].map((n) => `teacher.${n}`).sort(),
    );
    expect(first!['teacher.logits']).toHaveLength(16);
    expect(second).toEqual(first);
    expect(new Set(Object.values(first!).map((values) => values[0])).size).toBe(5);
  });

  it('changes the outcome, is in the recipe, and goes with packing', async () => {
    const hashOf = async (run: string) => (await recipeHash(run)).model;
    await call({ maxSteps: 3, out: 'alone' });
    for (const packing of [false, true])
      await call({ maxSteps: 3, teacher: 'teacher', packing, out: `taught-${packing}` });
    expect(await hashOf('taught-false')).not.toBe(await hashOf('alone'));
    expect(await hashOf('taught-true')).not.toBe(await hashOf('taught-false'));
    const { recipe, teacher } = await recipeIn('taught-false');
    expect(recipe.distill).toEqual({ teacher: 'teacher', temperature: 2, hidden: 0 });
    expect(teacher).toMatchObject({ id: 'teacher', commit: null, files: expect.any(Array) });
  });

  it('of another tokenizer, without a head for the task, or with classes in another order is refused', async () => {
    const changed = async (name: string, file: string, change: (text: string) => string) => {
      const copy = path.join(folder, name);
      await cp(path.join(folder, 'teacher/model'), copy, { recursive: true });
      await writeFile(path.join(copy, file), change(await readFile(path.join(copy, file), 'utf8')));
      return name;
    };
    const other = await changed('other', 'tokenizer.json', (text) =>
      text.replace('"lowercase":true', '"lowercase":false').replace('"lowercase": true', '"lowercase": false'),
    );
    const turned = await changed('turned', 'config.json', (text) =>
      text
        .replace(/"id2label": \{[^}]*\}/, '"id2label": {"0": "pos", "1": "neg"}')
        .replace(/"label2id": \{[^}]*\}/, '"label2id": {"pos": 0, "neg": 1}'),
    );
    const [planned, none] = [
      await call({ model: turned, dryRun: true }),
      await changed('none', 'config.json', (text) => text.replaceAll('"pos"', '"good"')),
    ];
    expect(planned).toMatchObject({ labels: ['pos', 'neg'] }); // those of the model that is trained decide
    await expect(call({ model: none, dryRun: true })).rejects.toThrow(
      'expected the labels neg, pos of data, got neg, good',
    );
    await expect(call({ teacher: other })).rejects.toThrow('--teacher: expected the tokenizer of');
    await expect(call({ teacher: turned })).rejects.toThrow('--teacher: expected the labels in the order neg,pos');
    await expect(call({ teacher: model })).rejects.toThrow('--teacher: expected a model that was trained on the task');
  });
});

async function recipeHash(run: string): Promise<{ model: string }> {
  const { createHash } = await import('node:crypto');
  const bytes = await readFile(path.join(folder, run, 'model/model.safetensors'));
  return { model: createHash('sha256').update(bytes).digest('hex') };
}

describe('what does not act is refused', () => {
  const base = { model: 'm', dataset: 'd', sparsity: 0.5 };
  it.each<[Record<string, unknown>, RegExp]>([
    [{ distillWeight: 0.5 }, /distillWeight: acts only with --teacher/],
    [{ distillTemperature: 1 }, /distillTemperature: acts only with --teacher/],
    [{ distillHidden: 1 }, /distillHidden: acts only with --teacher/],
    [{ teacher: 't', distillHidden: 1, packing: true }, /distillHidden: acts only without --packing/],
    [{ evaluateOn: 'validation' }, /evaluateOn: acts only with --evaluate-every, --early-stopping or --keep-best/],
    [{ precision: 'bf16', device: 'cpu' }, /precision: expected fp32 or fp16 on cpu, got bf16/],
    [{ precision: 'tf32', device: 'cpu' }, /precision: expected fp32 or fp16 on cpu, got tf32/],
    [{ classWeights: 'even' }, /classWeights: expected balanced, or a weight above 0 for each class, got even/],
    [{ classWeights: ['1', '0'] }, /classWeights: expected balanced, or a weight above 0/],
    [{ evaluateEvery: '0' }, /evaluateEvery: expected STEPS\|epoch, got 0/],
    [{ earlyStopping: 0 }, /earlyStopping: expected a whole number of at least 1, got 0/],
  ])('%j', (options, message) => {
    expect(() => parseOptions('prune', { ...base, ...options })).toThrow(message);
  });

  it('publishBest of one seed; bf16 on a GPU is not', () => {
    const publish = { ...base, to: 'a/b', publishBest: true };
    expect(() => parseOptions('prune-and-publish', publish)).toThrow('publishBest: acts only with --seeds');
    expect(parseOptions('prune-and-publish', { ...publish, seeds: 3 })).toMatchObject({ seeds: 3, publishBest: true });
    expect(parseOptions('prune', { ...base, precision: 'bf16', device: 'cuda' })).toMatchObject({ precision: 'bf16' });
  });

  it.each<[Options, string]>([
    [{ classWeights: [1, 2, 3] }, '--class-weights: expected 2 weights, one a class (neg, pos), got 3'],
    [{ dataset: 'scores', classWeights: 'balanced' }, '--class-weights: expected classes, got a score'],
    [{ dataset: 'scores', labelSmoothing: 0.1 }, '--label-smoothing: expected classes, got a score'],
    [{ freeze: 'nothing' }, "freeze: expected to match a parameter, got 'nothing'"],
  ])('%j', async (options, message) => {
    await expect(call(options)).rejects.toMatchObject({ kind: 'input', message: expect.stringContaining(message) });
  });
});

describe('several seeds', () => {
  const asked: Options = {
    ...{ method: 'neuroprune', sparsity: 0.5, epochs: 2, accumulate: 2, ema: 0.8, maxGradNorm: 1, keepBest: true },
    ...{ evaluateEvery: '3', teacher: 'teacher', seed: 3, seeds: 2, checkpointEvery: '2' },
  };

  it('are runs of their own below the run folder, which says what all come to; stopped in the second, goes on to the bit', {
    timeout: 240_000,
  }, async () => {
    const whole = await call({ ...asked, out: 'whole' });
    const { seeds } = whole;
    expect(seeds).toMatchObject({
      metric: 'accuracy',
      chosen: 3,
      runs: [
        { seed: 3, folder: 'seed-3' },
        { seed: 4, folder: 'seed-4' },
      ],
    });
    const scores = seeds!.runs.map(({ metrics }) => metrics.accuracy!);
    expect(seeds!.mean.accuracy).toBeCloseTo((scores[0]! + scores[1]!) / 2, 10);
    expect(seeds!.standardError.accuracy).toBeCloseTo(Math.abs(scores[0]! - scores[1]!) / 2, 10);
    const own = JSON.parse(await readFile(path.join(folder, 'whole/seed-3/run.json'), 'utf8'));
    expect(whole).toMatchObject({ evaluation: own.evaluation, sparsity: own.sparsity });
    expect(await readFile(path.join(folder, 'whole/report/index.md'), 'utf8')).toContain('standard error');
    expect((await recipeIn('whole')).recipe).toMatchObject({ seeds: 2, seed: 3 });
    expect((await recipeIn('whole/seed-4')).recipe).toMatchObject({ seed: 4 });
    expect((await recipeHash('whole/seed-3')).model).not.toBe((await recipeHash('whole/seed-4')).model);
    expect(await recipeHash('whole')).toEqual(await recipeHash('whole/seed-3'));

    const controller = new AbortController();
    let second = false;
    const onEvent = (event: RunEvent) => {
      if (event.type === 'note' && event.message.startsWith('seed 4')) second = true;
      if (second && event.type === 'train' && event.step >= 4) controller.abort(new Error('stopped'));
    };
    await expect(call({ ...asked, out: 'stopped' }, { signal: controller.signal, onEvent })).rejects.toThrow('stopped');
    await expect(call({ ...asked, lr: 1, out: 'stopped', resume: true })).rejects.toThrow(
      '--resume: expected recipe.lr as in',
    );
    await expect(call({ ...asked, seeds: 3, out: 'stopped', resume: true })).rejects.toThrow('recipe.seeds');
    const steps: string[] = [];
    const again = await call(
      { ...asked, out: 'stopped', resume: true },
      { onEvent: (e) => void (e.type === 'resume' && steps.push(`${e.step > 0}`)) },
    );
    expect(steps).toEqual(['true']);
    expect(again.seeds).toEqual(seeds);
    for (const run of ['', '/seed-3', '/seed-4'])
      expect(await recipeHash(`stopped${run}`)).toEqual(await recipeHash(`whole${run}`));
    await rm(path.join(folder, 'stopped'), { recursive: true });
  });

  it('name the best; it stands in the run folder where it is asked for', () => {
    const run = (seed: number, f1: number) => ({
      seed,
      result: { evaluation: [{ metrics: { accuracy: 0.5, f1 } }] } as never,
    });
    const runs = [run(0, 0.25), run(1, 0.75), run(2, Number.NaN), run(3, 0.5)];
    expect(statisticsOf(runs, 'f1', false)).toMatchObject({ best: 1, chosen: 0 });
    expect(statisticsOf(runs, 'f1', false, 'lower').best).not.toBe(1);
    expect(statisticsOf(runs, 'f1', true)).toMatchObject({
      best: 1,
      chosen: 1,
      mean: { accuracy: 0.5 },
      standardError: { accuracy: 0 },
    });
    expect(statisticsOf([run(5, 1), run(6, 2), run(7, 4)], 'f1', true).standardError.f1).toBeCloseTo(
      Math.sqrt(7 / 3 / 3),
      10,
    );
  });
});

describe('early stopping', () => {
  it('ends the run where scores get no better, and says so in run.json', async () => {
    const result = await call({
      epochs: 20,
      lr: 1e-7,
      evaluateEvery: '2',
      earlyStopping: 2,
      keepBest: true,
      out: 'early',
    });
    expect(result.training).toMatchObject({
      steps: 6,
      stoppedEarly: true,
      best: { step: 2, metric: 'accuracy', kept: true },
    });
    const again = await call({
      epochs: 20,
      lr: 1e-7,
      evaluateEvery: '2',
      earlyStopping: 2,
      keepBest: true,
      out: 'early',
      resume: true,
    });
    expect(again.training).toEqual(result.training);
  });
});
