import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { EvaluateError, tasks } from '@neuroprune/evaluate';
import type { RunContext } from '../context.js';
import { NeuropruneError } from '../error.js';
import { beyondBounds, checkBounds } from '../harness/floors.js';
import { intervalsOf, pairedOf } from '../harness/intervals.js';
import { type Latency, type Measured, measure } from '../harness/latency.js';
import { measuredClassifier, measuredText } from '../harness/measured.js';
import { LOGS, writePairPredictions, writeSubmission, writeTables } from '../harness/outputs.js';
import type { PairScore } from '../harness/pair-score.js';
import {
  type ClassPair,
  checkSubmission,
  metricsOf,
  type Pair,
  pairsOf,
  submissionGaps,
  type TextPair,
} from '../harness/pairs.js';
import type { Evaluated, Scored } from '../harness/result.js';
import { type Harness, scorePair } from '../harness/score-pair.js';
import { scoreTextPair } from '../harness/score-text-pair.js';
import { rendered } from '../harness/tables.js';
import { findTextModel, type TextModel } from '../harness/text-model.js';
import type { TableFormat } from '../schema/evaluate.js';
import type { VerbOptions } from '../schema/verbs.js';
import { belowChance } from '../stages/chance.js';
import { type Classifier, findClassifier, taskFor } from '../stages/classifier.js';
import { settleDevice } from '../stages/device.js';
import { hubOf } from '../stages/hub-options.js';
import { type Run, startRun } from '../stages/stage.js';
import { removeDrafts } from '../stages/write-file.js';

export type { Evaluated } from '../harness/result.js';

/** Form in which a result is printed, by the result; what is asked is no part of the result. */
const formats = new WeakMap<Evaluated, TableFormat>();

/** Scores models on tasks, or on a data set; every model's classes are checked before the first task is scored. */
export async function run(asked: VerbOptions<'evaluate'>, context: RunContext): Promise<Evaluated> {
  const started = startRun(context);
  const options = { ...asked, device: await settleDevice({ asked: asked.device }, context) };
  const pairs = pairsOf(options);
  if (options.glueSubmission !== undefined) checkSubmission(pairs);
  checkMetrics(pairs, options);
  const { out } = options;
  const folder = out === undefined ? undefined : path.resolve(context.cwd, out);
  const logs = folder === undefined ? undefined : path.join(folder, LOGS);
  const harness: Harness = { options, hub: hubOf(context, options), context, ...(logs === undefined ? {} : { logs }) };
  await using models = await findAll(pairs, harness, started);
  if (folder !== undefined) await removeDrafts(folder);
  if (logs !== undefined && !options.resume) await rm(logs, { recursive: true, force: true });
  const { evaluation, submission } = await scoreAll(pairs, models, harness, started);
  if (options.glueSubmission !== undefined)
    for (const message of submissionGaps(pairs, options)) context.onEvent({ type: 'warning', message });
  const latency = options.latency ? await measureAll(pairs, models, options, started) : undefined;
  const names = namesOf(pairs);
  const result: Evaluated = {
    model: names[0]!,
    models: names,
    device: options.device,
    evaluation,
    ...(latency && { latency }),
    ...(options.glueSubmission !== undefined && { submission }),
  };
  formats.set(result, options.format);
  if (folder !== undefined) await writeTables(result, folder);
  if (logs !== undefined) await rm(logs, { recursive: true, force: true });
  const beyond = bounds.flatMap((side) => beyondBounds(side, options[side] ?? [], evaluation));
  if (beyond.length > 0) throw new NeuropruneError('job', beyond.join('; '), { result });
  return result;
}

const bounds = ['failBelow', 'failAbove'] as const;

/** Refuses bounds of metrics that no pair has, before the work; rows of a data set alone say what they are scored by. */
function checkMetrics(pairs: readonly Pair[], options: VerbOptions<'evaluate'>): void {
  const rows = pairs.map(metricsOf);
  if (rows.includes(undefined)) return;
  for (const side of bounds) checkBounds(side, options[side] ?? [], rows as NonNullable<(typeof rows)[number]>[]);
}

const namesOf = (pairs: readonly Pair[]): readonly string[] => [...new Set(pairs.map(({ model }) => model))];

/** The models of a call, by the words they were asked with. */
interface Models extends AsyncDisposable {
  readonly classifiers: ReadonlyMap<string, Classifier>;
  readonly texts: ReadonlyMap<string, TextModel>;
}

async function findAll(pairs: readonly Pair[], { options, hub, context }: Harness, { stage }: Run): Promise<Models> {
  const classifiers = new Map<string, Classifier>();
  const texts = new Map<string, TextModel>();
  const close = async () => void (await Promise.all([...texts.values()].map((text) => text[Symbol.asyncDispose]())));
  const { tokenizer, cache } = options;
  try {
    for (const pair of pairs) {
      const { model } = pair;
      if (pair.text) {
        const find = () => findTextModel(model, hub, context, { tokenizer, cache });
        texts.set(model, texts.get(model) ?? (await stage('fetch', find, model)));
        continue;
      }
      const find = () => findClassifier(model, hub, context, { tokenizer });
      const classifier = classifiers.get(model) ?? (await stage('fetch', find, model));
      classifiers.set(model, classifier);
      checkClasses(pair, classifier, pairs);
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { classifiers, texts, [Symbol.asyncDispose]: close };
}

/** Refuses a task with other classes than its model's, and says how models get their own tasks where there are several. */
function checkClasses({ model, task }: ClassPair, classifier: Classifier, pairs: readonly Pair[]): void {
  if (task === undefined) return;
  try {
    taskFor(tasks[task], classifier, model);
  } catch (error) {
    if (!(error instanceof EvaluateError) || pairs.length === 1) throw error;
    throw new NeuropruneError('input', `${error.message}; TASK=MODEL scores a model on that task alone`);
  }
}

async function scoreAll(
  pairs: readonly Pair[],
  models: Models,
  harness: Harness,
  { stage, context }: Run,
): Promise<{ evaluation: readonly Scored[]; submission: readonly string[] }> {
  const { options } = harness;
  const evaluation: Scored[] = [];
  const submission: string[] = [];
  const firsts = new Map<string | undefined, PairScore>();
  const several = namesOf(pairs).length > 1;
  for (const pair of pairs) {
    const work = (): Promise<PairScore> =>
      pair.text
        ? scoreTextPair(pair, models.texts.get(pair.model)!, harness)
        : scorePair(pair, models.classifiers.get(pair.model)!, harness);
    const name = pair.task ?? options.dataset ?? '';
    const score = await stage('evaluate', work, several ? `${pair.model}, ${name}` : name);
    tell(pair, score, models, context);
    const first = firsts.get(pair.task);
    if (first === undefined) firsts.set(pair.task, score);
    const row = await scoredRow(pair, score, options, { cwd: context.cwd, several });
    const paired = first && pairedOf(first, score, options.resamples);
    evaluation.push({ ...row, ...(paired && { paired }) });
    if (options.glueSubmission === undefined || score.kind !== 'classes') continue;
    const folder = path.resolve(context.cwd, options.glueSubmission);
    await mkdir(folder, { recursive: true });
    submission.push(path.join(options.glueSubmission, await writeSubmission(score, folder)));
  }
  return { evaluation, submission };
}

/** Says what a score does not show by itself. */
function tell({ model }: Pair, score: PairScore, { classifiers }: Models, { onEvent }: RunContext): void {
  if (Object.keys(score.metrics).length === 0 && score.predictions.length > 0) {
    const none = score.kind === 'texts' ? 'references' : 'labels';
    const message = `${score.task.name} ${score.rows.split}: has no ${none}; predictions only`;
    onEvent({ type: 'note', message });
  }
  if (score.kind !== 'classes') return;
  const warning = belowChance(score.task, score.predictions, classifiers.get(model)?.config);
  if (warning !== undefined) onEvent({ type: 'warning', message: `${model}: ${warning}` });
}

async function scoredRow(
  pair: Pair,
  score: PairScore,
  { out, resamples }: VerbOptions<'evaluate'>,
  where: { readonly cwd: string; readonly several: boolean },
): Promise<Scored> {
  const { task, rows, predictions, metrics, signatures } = score;
  const { id, config, revision } = task.dataset;
  const file = out === undefined ? undefined : await writePairPredictions(pair, score, { out, ...where });
  return {
    model: pair.model,
    task: task.name,
    version: task.version,
    split: rows.split,
    examples: predictions.length,
    metrics,
    intervals: intervalsOf(score, resamples),
    signatures,
    ...textFacts(score),
    dataset: {
      id,
      ...(config !== undefined && { config }),
      ...(revision !== undefined && { revision }),
      commit: rows.commit,
    },
    ...(file !== undefined && { predictions: file }),
  };
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);

/** What results say of texts and not of classes. */
function textFacts(score: PairScore): Partial<Scored> {
  if (score.kind === 'classes') return {};
  if (score.kind === 'likelihoods')
    return { window: score.window, tokens: sum(score.predictions.map(({ tokens }) => tokens)) };
  const newTokens = sum(score.predictions.map(({ tokens }) => tokens.length));
  return { generation: { ...score.writing, newTokens } };
}

async function measureAll(
  pairs: readonly Pair[],
  { classifiers, texts }: Models,
  options: VerbOptions<'evaluate'>,
  { stage, context }: Run,
): Promise<readonly Latency[]> {
  const measured: Measured[] = [];
  const { device, latencyBatch = [1, 32], latencyLength = [16, 128], latencyRepeats = 20 } = options;
  const plan = { device, batches: latencyBatch, lengths: latencyLength, repeats: latencyRepeats };
  const open = (pair: ClassPair | TextPair): Promise<Measured> =>
    pair.text
      ? measuredText(pair.model, texts.get(pair.model)!, pair.text, options, context.signal)
      : measuredClassifier(pair.model, classifiers.get(pair.model)!, options);
  try {
    // A model's time is that of its first task.
    for (const model of namesOf(pairs)) measured.push(await open(pairs.find((pair) => pair.model === model)!));
    return await stage('latency', () => measure(measured, plan, context.signal));
  } finally {
    await Promise.all(measured.map((one) => one[Symbol.asyncDispose]()));
  }
}

/** The table, in the form that was asked. */
export const format = (result: Evaluated): string => rendered(result, formats.get(result) ?? 'table');
