import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { type SessionPredict, tasks } from '@neuroprune/evaluate';
import type { RunContext } from '../context.js';
import { NeuropruneError } from '../error.js';
import { underFloors } from '../harness/floors.js';
import { intervalsOf, pairedOf } from '../harness/intervals.js';
import { type Latency, measure } from '../harness/latency.js';
import { LOGS, writePairPredictions, writeSubmission, writeTables } from '../harness/outputs.js';
import { checkSubmission, type Pair, pairsOf } from '../harness/pairs.js';
import type { Evaluated, Scored } from '../harness/result.js';
import { type Harness, openSession, type PairScore, scorePair } from '../harness/score-pair.js';
import { rendered } from '../harness/tables.js';
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
  const { out } = options;
  const folder = out === undefined ? undefined : path.resolve(context.cwd, out);
  const logs = folder === undefined ? undefined : path.join(folder, LOGS);
  const harness: Harness = { options, hub: hubOf(context, options), context, ...(logs === undefined ? {} : { logs }) };
  const classifiers = await findAll(pairs, harness, started);
  if (folder !== undefined) await removeDrafts(folder);
  if (logs !== undefined && !options.resume) await rm(logs, { recursive: true, force: true });
  const { evaluation, submission } = await scoreAll(pairs, classifiers, harness, started);
  const latency = options.latency ? await measureAll(classifiers, options, started) : undefined;
  const models = [...classifiers.keys()];
  const result: Evaluated = {
    model: models[0]!,
    models,
    device: options.device,
    evaluation,
    ...(latency && { latency }),
    ...(options.glueSubmission !== undefined && { submission }),
  };
  formats.set(result, options.format);
  if (folder !== undefined) await writeTables(result, folder);
  if (logs !== undefined) await rm(logs, { recursive: true, force: true });
  const under = underFloors(options.failBelow ?? [], evaluation);
  if (under.length > 0) throw new NeuropruneError('job', under.join('; '), { result });
  return result;
}

async function findAll(
  pairs: readonly Pair[],
  { options, hub, context }: Harness,
  { stage }: Run,
): Promise<ReadonlyMap<string, Classifier>> {
  const found = new Map<string, Classifier>();
  for (const { model, task } of pairs) {
    const find = () => findClassifier(model, hub, context, { tokenizer: options.tokenizer });
    const classifier = found.get(model) ?? (await stage('fetch', find, model));
    found.set(model, classifier);
    if (task !== undefined) taskFor(tasks[task], classifier, model);
  }
  return found;
}

async function scoreAll(
  pairs: readonly Pair[],
  classifiers: ReadonlyMap<string, Classifier>,
  harness: Harness,
  { stage, context }: Run,
): Promise<{ evaluation: readonly Scored[]; submission: readonly string[] }> {
  const { options } = harness;
  const evaluation: Scored[] = [];
  const submission: string[] = [];
  const firsts = new Map<string | undefined, PairScore>();
  for (const pair of pairs) {
    const work = () => scorePair(pair, classifiers.get(pair.model)!, harness);
    const name = pair.task ?? options.dataset ?? '';
    const score = await stage('evaluate', work, classifiers.size > 1 ? `${pair.model}, ${name}` : name);
    if (Object.keys(score.metrics).length === 0 && score.predictions.length > 0) {
      const message = `${score.task.name} ${score.rows.split}: has no labels; predictions only`;
      context.onEvent({ type: 'note', message });
    }
    const warning = belowChance(score.task, score.predictions, classifiers.get(pair.model)?.config);
    if (warning !== undefined) context.onEvent({ type: 'warning', message: `${pair.model}: ${warning}` });
    const first = firsts.get(pair.task);
    if (first === undefined) firsts.set(pair.task, score);
    const where = { cwd: context.cwd, several: classifiers.size > 1 };
    const row = await scoredRow(pair, score, options, where);
    const paired = first && pairedOf(first, score, options.resamples);
    evaluation.push({ ...row, ...(paired && { paired }) });
    if (options.glueSubmission === undefined) continue;
    const folder = path.resolve(context.cwd, options.glueSubmission);
    await mkdir(folder, { recursive: true });
    submission.push(path.join(options.glueSubmission, await writeSubmission(score, folder)));
  }
  return { evaluation, submission };
}

async function scoredRow(
  pair: Pair,
  score: PairScore,
  { out, resamples }: VerbOptions<'evaluate'>,
  where: { readonly cwd: string; readonly several: boolean },
): Promise<Scored> {
  const { task, rows, predictions, metrics } = score;
  const { id, config } = task.dataset;
  const file = out === undefined ? undefined : await writePairPredictions(pair, score, { out, ...where });
  return {
    model: pair.model,
    task: task.name,
    version: task.version,
    split: rows.split,
    examples: predictions.length,
    metrics,
    intervals: intervalsOf(task, predictions, resamples),
    dataset: { id, ...(config !== undefined && { config }), commit: rows.commit },
    ...(file !== undefined && { predictions: file }),
  };
}

async function measureAll(
  classifiers: ReadonlyMap<string, Classifier>,
  options: VerbOptions<'evaluate'>,
  { stage, context }: Run,
): Promise<readonly Latency[]> {
  const sessions: { model: string; session: SessionPredict }[] = [];
  const { device, latencyBatch = [1, 32], latencyLength = [16, 128], latencyRepeats = 20 } = options;
  const plan = { device, batches: latencyBatch, lengths: latencyLength, repeats: latencyRepeats };
  try {
    for (const [model, classifier] of classifiers) {
      sessions.push({ model, session: await openSession(classifier, options) });
    }
    return await stage('latency', () => measure(sessions, plan, context.signal));
  } finally {
    await Promise.all(sessions.map(({ session }) => session.close()));
  }
}

/** The table, in the form that was asked. */
export const format = (result: Evaluated): string => rendered(result, formats.get(result) ?? 'table');
