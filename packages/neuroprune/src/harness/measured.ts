import { loadLikelihoodModel, type TextTask } from '@neuroprune/evaluate';
import type { Device } from '@neuroprune/runtime';
import type { RunContext } from '../context.js';
import type { VerbOptions } from '../schema/verbs.js';
import type { Classifier } from '../stages/classifier.js';
import { settleDevice } from '../stages/device.js';
import type { Run } from '../stages/stage.js';
import { batchOf, type Latency, type Measured, measure, measuredIds } from './latency.js';
import type { Models } from './models.js';
import { type ClassPair, modelsOf, type Pair, type TextPair } from './pairs.js';
import { openSession, sessionOf } from './score-pair.js';
import type { TextModel } from './text-model.js';
import { openTextWriter, writingPlan } from './text-writer.js';

/** Tokens that a model writes for each row when it is measured; a text as long takes as long whatever it says. */
const NEW_TOKENS = 32;

/** A classifier, ready to be measured: its forward run. */
async function measuredClassifier(
  model: string,
  classifier: Classifier,
  options: VerbOptions<'evaluate'>,
): Promise<Measured> {
  const session = await openSession(classifier, options);
  return {
    model,
    run: (rows, length) => session.predict(batchOf(rows, length)),
    [Symbol.asyncDispose]: () => session.close(),
  };
}

/** A model of text, ready to be measured: it writes 32 tokens for each row, or reads windows. */
async function measuredText(
  model: string,
  found: TextModel,
  task: TextTask,
  options: VerbOptions<'evaluate'>,
  signal: AbortSignal,
): Promise<Measured> {
  if (task.kind === 'likelihood') {
    const loaded = await loadLikelihoodModel(found.folder, sessionOf(options));
    const run = (rows: number, length: number) => {
      const window = { text: 0, tokens: Int32Array.from(measuredIds(length)), scored: length - 1 };
      return loaded.score(Array.from({ length: rows }, () => window));
    };
    return { model, run, [Symbol.asyncDispose]: () => loaded.close() };
  }
  const writer = await openTextWriter(found, await writingPlan(found, task, options), options, signal);
  const run = (rows: number, length: number) =>
    writer.writeExactly(
      Array.from({ length: rows }, () => measuredIds(length)),
      NEW_TOKENS,
    );
  return { model, run, newTokens: NEW_TOKENS, [Symbol.asyncDispose]: async () => writer[Symbol.asyncDispose]() };
}

type Settled = VerbOptions<'evaluate'> & { readonly device: Device };

/** The devices on which times are measured; throws an input error for one that does not work, before the work. */
export async function devicesOf({ latencyDevice, device }: Settled, context: RunContext): Promise<readonly Device[]> {
  if (latencyDevice === undefined) return [device];
  for (const asked of latencyDevice) await settleDevice({ asked }, context);
  return latencyDevice;
}

/** What is measured, and where. */
export interface Measuring {
  readonly options: VerbOptions<'evaluate'>;
  readonly devices: readonly Device[];
}

/** Measures every model on every device, the models of a device taking turns. */
export async function measureAll(
  pairs: readonly Pair[],
  models: Models,
  { options, devices }: Measuring,
  run: Run,
): Promise<readonly Latency[]> {
  const rows: Latency[] = [];
  for (const device of devices) rows.push(...(await measureOn(device, pairs, models, { ...options, device }, run)));
  return rows;
}

async function measureOn(
  device: Device,
  pairs: readonly Pair[],
  { classifiers, texts }: Models,
  options: VerbOptions<'evaluate'>,
  { stage, context }: Run,
): Promise<readonly Latency[]> {
  const measured: Measured[] = [];
  const { latencyBatch = [1, 32], latencyLength = [16, 128], latencyRepeats = 20 } = options;
  const plan = { device, batches: latencyBatch, lengths: latencyLength, repeats: latencyRepeats };
  const open = (pair: ClassPair | TextPair): Promise<Measured> =>
    pair.text
      ? measuredText(pair.model, texts.get(pair.model)!, pair.text, options, context.signal)
      : measuredClassifier(pair.model, classifiers.get(pair.model)!, options);
  try {
    // A model's time is that of its first task.
    for (const model of modelsOf(pairs)) measured.push(await open(pairs.find((pair) => pair.model === model)!));
    return await stage('latency', () => measure(measured, plan, context.signal), device);
  } finally {
    await Promise.all(measured.map((one) => one[Symbol.asyncDispose]()));
  }
}
