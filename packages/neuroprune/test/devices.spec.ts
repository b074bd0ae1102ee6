/** What is left to the machine: the device, and how many batches make a step. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TrainRequest } from '@neuroprune/prune';
import { type Device, RuntimeError } from '@neuroprune/runtime';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RunEvent } from '../src/events.js';
import type { VerbInput, VerbName } from '../src/schema/verbs.js';
import type { Evaluated } from '../src/verbs/evaluate.js';
import type { TrainOutcome } from '../src/verbs/train.js';
import { runVerb } from '../src/verbs.js';
import { fixtures, temporary } from './command.js';

// The machine that the tests want: its best device, its room, and what becomes of a training.
const machine = vi.hoisted(() => ({
  best: undefined as string | undefined,
  room: Number.POSITIVE_INFINITY,
  train: undefined as ((request: unknown) => never) | undefined,
}));
vi.mock('@neuroprune/runtime', async (original) => {
  const module = await original<typeof import('@neuroprune/runtime')>();
  const probeOnce: typeof module.probeOnce = async (device) =>
    machine.best === undefined
      ? module.probeOnce(device)
      : { device, works: device === machine.best, cause: 'there is no such GPU', milliseconds: 0 };
  const chooseDevice: typeof module.chooseDevice = async () =>
    machine.best === undefined
      ? module.chooseDevice()
      : { device: machine.best as Device, why: `${machine.best} works`, probes: [] };
  return { ...module, probeOnce, chooseDevice };
});
vi.mock('@neuroprune/prune', async (original) => {
  const module = await original<typeof import('@neuroprune/prune')>();
  const train: typeof module.train = async (request, context) => {
    machine.train?.(request);
    return module.train(request, context);
  };
  const tryBatch: typeof module.tryBatch = async (request, batch, options) => {
    if (batch.rows > machine.room) throw new RuntimeError('CUDA failure 2: out of memory ; GPU=0');
    return module.tryBatch(request, batch, options);
  };
  return { ...module, train, tryBatch };
});

const model = path.join(fixtures, 'models/neuroprune/bert-micro-uncased');
let folder = '';
let remove = async (): Promise<void> => {};

beforeAll(async () => {
  ({ folder, remove } = await temporary());
  await mkdir(path.join(folder, 'data'));
  const line = (_: unknown, i: number) =>
    `${i},a ${i % 3 ? 'good' : 'bad'} film${' again'.repeat(i % 7)},${i % 3 ? 1 : 0}\n`;
  for (const [name, length] of [
    ['train', 40],
    ['validation', 12],
  ] as const)
    await writeFile(path.join(folder, `data/${name}.csv`), `id,text,label\n${Array.from({ length }, line).join('')}`);
});
afterAll(() => remove());
beforeEach(() => {
  Object.assign(machine, { best: undefined, room: Number.POSITIVE_INFINITY, train: undefined });
});

type Options = Partial<VerbInput<'prune'>>;

/** Does a verb's work on this thread, for which the machine is made up. */
function run(verb: VerbName, input: object, told: RunEvent[] = []): Promise<unknown> {
  const env = { HF_HOME: path.join(folder, 'home') };
  const onEvent = (event: RunEvent) => void told.push(event);
  const context = { cwd: folder, env, onEvent, signal: new AbortController().signal };
  return runVerb(verb, input as VerbInput<VerbName>, context);
}

async function call(options: Options, told: RunEvent[] = []): Promise<TrainOutcome> {
  const asked = { model, dataset: 'data', method: 'dense', batchSize: 8, offline: true, threads: 1, ...options };
  return (await run('prune', asked, told)) as TrainOutcome;
}

const json = async (...at: string[]) => JSON.parse(await readFile(path.join(folder, ...at), 'utf8'));
const weights = (run: string) => readFile(path.join(folder, run, 'model/model.safetensors'));
const of = <T extends RunEvent['type']>(told: readonly RunEvent[], type: T) =>
  told.filter((event) => event.type === type);

/** What the trainer is asked for. */
async function requested(options: Options): Promise<TrainRequest> {
  let request: TrainRequest | undefined;
  const enough = new Error('enough');
  machine.train = (given) => {
    request = given as TrainRequest;
    throw enough;
  };
  await expect(call({ out: 'caught', ...options })).rejects.toBe(enough);
  machine.train = undefined;
  return request as TrainRequest;
}

describe('--device', () => {
  it('is auto unless named: what works best is trained on, told and kept', async () => {
    machine.best = 'cuda';
    expect((await requested({})).session?.device).toBe('cuda');
    expect((await requested({ device: 'cpu' })).session?.device).toBe('cpu');
    machine.best = 'cpu';
    const told: RunEvent[] = [];
    const { device } = await call({ maxSteps: 1, out: 'auto' }, told);
    expect([device, (await json('auto/recipe.json')).recipe.device]).toEqual(['cpu', 'cpu']);
    expect(of(told, 'device')).toEqual([{ type: 'device', device: 'cpu', why: 'cpu works' }]);
    expect(await readFile(path.join(folder, 'auto/events.ndjson'), 'utf8')).toContain('"type":"device","device":"cpu"');
  });

  it('of a run that goes on is its own, and one that is gone is a clear error', async () => {
    const stop = () => {
      throw new Error('enough');
    };
    await call({ maxSteps: 4, out: 'on', checkpointEvery: '2', keepCheckpoints: 9 });
    const recipe = await json('on/recipe.json');
    for (const name of ['run.json', 'checkpoints/4']) await rm(path.join(folder, 'on', name), { recursive: true });
    machine.best = 'cuda'; // better than cpu, but the run began there
    machine.train = (request) => {
      expect((request as TrainRequest).session?.device).toBe('cpu');
      stop();
    };
    await expect(call({ maxSteps: 4, out: 'on', resume: true, checkpointEvery: '2' })).rejects.toThrow('enough');
    await writeFile(
      path.join(folder, 'on/recipe.json'),
      JSON.stringify({ ...recipe, recipe: { ...recipe.recipe, device: 'cuda:1' } }),
    );
    machine.best = 'cpu';
    await expect(call({ maxSteps: 4, out: 'on', resume: true })).rejects.toMatchObject({
      kind: 'input',
      message: expect.stringMatching(
        /--resume: expected cuda:1, on which the run began, got: there is no such GPU; see/,
      ),
    });
  });

  it.each([1, 2])(
    'of a run that goes on is another where one is named, and its own from then on (seeds: %i)',
    async (seeds) => {
      const asked = { maxSteps: 4, out: `other-${seeds}`, checkpointEvery: '2', keepCheckpoints: 9, seeds };
      await call(asked);
      const first = seeds > 1 ? path.join(asked.out, 'seed-0') : asked.out;
      for (const name of [`${asked.out}/run.json`, `${first}/run.json`, `${first}/checkpoints/4`])
        await rm(path.join(folder, name), { recursive: true, force: true });
      machine.best = 'cuda';
      const trained: unknown[] = [];
      machine.train = (request) => {
        trained.push((request as TrainRequest).session?.device);
        throw new Error('enough');
      };
      await expect(call({ ...asked, resume: true, device: 'cuda' })).rejects.toThrow('enough');
      expect((await json(asked.out, 'recipe.json')).recipe.device).toBe('cuda');
      expect((await json(first, 'recipe.json')).recipe.device).toBe('cuda');
      await expect(call({ ...asked, resume: true })).rejects.toThrow('enough');
      expect(trained).toEqual(['cuda', 'cuda']);
    },
  );

  it.each<[VerbName, object]>([
    ['prune', { model, method: 'dense' }],
    ['finetune', { model, out: 'f' }],
    ['evaluate', { model: 'auto' }],
  ])('that does not work is refused by %s at once', async (verb, asked) => {
    machine.best = 'cpu';
    const input = { dataset: 'data', offline: true, device: 'cuda', ...asked };
    await expect(run(verb, input)).rejects.toThrow(
      '--device: expected cuda to work, got: there is no such GPU; see neuroprune doctor, or use --device auto',
    );
  });

  it('of an evaluation is settled and told', async () => {
    const told: RunEvent[] = [];
    const asked = { model: 'auto', dataset: 'data', offline: true, cache: false, resamples: 0 };
    const { device } = (await run('evaluate', asked, told)) as Evaluated;
    expect(device).toBe('cpu');
    expect(of(told, 'device')).toMatchObject([{ device: 'cpu', why: expect.stringMatching(/cuda/) }]);
  });

  it('auto is the cpu for the generator that is there alone', async () => {
    machine.best = 'cuda';
    const devicesTold = async (more: object) => {
      const told: RunEvent[] = [];
      const asked = { model: 'none', task: 'translation', dataset: 'data', offline: true, ...more };
      await expect(run('evaluate', asked, told)).rejects.toThrow(/none/);
      return of(told, 'device').map((event) => 'device' in event && event.device);
    };
    expect(await devicesTold({})).toEqual(['cuda']);
    expect(await devicesTold({ generator: 'transformers.js' })).toEqual([]);
    expect(await devicesTold({ generator: 'neuroprune' })).toEqual(['cuda']);
  });

  it('auto with bf16 needs a GPU', async () => {
    machine.best = 'cpu';
    await expect(call({ precision: 'bf16' })).rejects.toThrow('precision: expected fp32 or fp16 on cpu, got bf16');
    machine.best = 'cuda';
    expect(await requested({ precision: 'bf16' })).toMatchObject({ precision: 'bf16', session: { device: 'cuda' } });
  });
});

describe('--precision', () => {
  it('is TF32 on cuda, unless float32 is asked for', async () => {
    machine.best = 'cuda';
    const asked = async (options: Options) => {
      const { precision, session } = await requested(options);
      return { precision, tf32: session?.tf32 };
    };
    expect(await asked({})).toEqual({ precision: undefined, tf32: true });
    expect(await asked({ precision: 'tf32' })).toEqual({ precision: undefined, tf32: true });
    expect(await asked({ precision: 'fp32' })).toEqual({ precision: undefined, tf32: false });
    expect(await asked({ precision: 'fp16' })).toEqual({ precision: 'fp16', tf32: true });
  });

  it('is float32 where TF32 is not, and a run goes on in the other', async () => {
    await call({ device: 'cpu', maxSteps: 3, out: 'on' });
    expect((await json('on/recipe.json')).recipe).not.toHaveProperty('precision');
    const file = path.join(folder, 'on/recipe.json');
    const kept = await json('on/recipe.json');
    await rm(path.join(folder, 'on/run.json'), { force: true });
    await writeFile(file, JSON.stringify({ ...kept, recipe: { ...kept.recipe, device: 'cuda', precision: 'tf32' } }));
    const told: RunEvent[] = [];
    await call({ device: 'cpu', maxSteps: 3, out: 'on', resume: true }, told);
    await writeFile(file, JSON.stringify({ ...kept, recipe: { ...kept.recipe, precision: 'fp16' } }));
    await expect(call({ device: 'cpu', maxSteps: 3, out: 'on', resume: true })).rejects.toThrow(/precision/);
  });
});

describe('--accumulate auto', () => {
  it('is 1 where there is room, and the run the same as without', async () => {
    const told: RunEvent[] = [];
    await call({ device: 'cpu', maxSteps: 3, out: 'one' });
    await call({ device: 'cpu', maxSteps: 3, out: 'fit', accumulate: 'auto' }, told);
    expect((await weights('fit')).equals(await weights('one'))).toBe(true);
    expect((await json('fit/recipe.json')).recipe).toEqual((await json('one/recipe.json')).recipe);
    expect(of(told, 'accumulate')).toMatchObject([{ accumulate: 1, rows: 8, device: 'cpu', tooMany: [] }]);
  });

  it('divides a batch into as few as there is room for: the run is that of these numbers, and goes on with them', async () => {
    machine.room = 3;
    const told: RunEvent[] = [];
    await call({ device: 'cpu', maxSteps: 3, out: 'two', batchSize: 2, accumulate: 4 });
    const { training } = await call({ device: 'cpu', maxSteps: 3, out: 'divided', accumulate: 'auto' }, told);
    expect(of(told, 'accumulate')).toMatchObject([{ accumulate: 4, rows: 2, tooMany: [8, 4] }]);
    expect((await json('divided/recipe.json')).recipe).toMatchObject({ batchSize: 2, accumulate: 4 });
    expect((await weights('divided')).equals(await weights('two'))).toBe(true);
    expect((await weights('divided')).equals(await weights('one'))).toBe(false);
    machine.room = 8;
    const again = await call({ device: 'cpu', maxSteps: 3, out: 'divided', accumulate: 'auto', resume: true }, told);
    expect(again.training).toEqual(training);
    expect(of(told, 'accumulate')).toHaveLength(1);
  });

  it('is found by the first of several seeds', async () => {
    machine.room = 4;
    const told: RunEvent[] = [];
    const asked = { device: 'cpu', maxSteps: 1, out: 'seeds', accumulate: 'auto', seeds: 2 } as const;
    await call(asked, told);
    expect(of(told, 'accumulate')).toHaveLength(1);
    const recipes = await Promise.all([0, 1].map((seed) => json(`seeds/seed-${seed}/recipe.json`)));
    for (const { recipe } of recipes) expect(recipe).toMatchObject({ batchSize: 4, accumulate: 2 });
    expect((await call({ ...asked, resume: true }, told)).seeds?.runs).toHaveLength(2);
  });

  it('a training that runs out of memory says what to try', async () => {
    machine.train = () => {
      const said =
        'memory: expected room on cuda for a batch of 8 rows × 128 tokens, got: CUDA failure 2: out of memory';
      throw new RuntimeError(`${said}; use smaller batches or shorter rows`);
    };
    await expect(call({ out: 'caught' })).rejects.toMatchObject({
      kind: 'job',
      message:
        'memory: expected room on cuda for a batch of 8 rows × 128 tokens, got: CUDA failure 2: out of memory; try --accumulate auto, --batch-size 4 --accumulate 2, or a lower --max-length',
    });
  });
});
