import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import type { RunContext } from '../context.js';
import { NeuropruneError } from '../error.js';
import { beyondBounds, checkBounds } from '../harness/floors.js';
import { intervalsOf, pairedOf } from '../harness/intervals.js';
import { devicesOf, measureAll } from '../harness/measured.js';
import { findModels, type Models } from '../harness/models.js';
import { LOGS, writePairPredictions, writeSubmission, writeTables } from '../harness/outputs.js';
import type { PairScore } from '../harness/pair-score.js';
import { checkSubmission, metricsOf, modelsOf, type Pair, pairsOf, submissionGaps } from '../harness/pairs.js';
import type { Evaluated, Scored } from '../harness/result.js';
import { type Harness, scorePair } from '../harness/score-pair.js';
import { scoreTextPair } from '../harness/score-text-pair.js';
import { rendered } from '../harness/tables.js';
import type { TableFormat } from '../schema/evaluate.js';
import type { VerbOptions } from '../schema/verbs.js';
import { belowChance } from '../stages/chance.js';
import { settleDevice } from '../stages/device.js';
import { hubOf } from '../stages/hub-options.js';
import { type Run, startRun } from '../stages/stage.js';
import { removeDrafts } from '../stages/write-file.js';

export type { Evaluated } from '../harness/result.js';

/** Form in which a result is printed, by the result; what is asked is no part of the result. */
const formats = new WeakMap<Evaluated, TableFormat>();

/** Where nobody names a device, the library that writes on the cpu alone names it. */
const wantedDevice = ({ device, generator }: VerbOptions<'evaluate'>) =>
  device === 'auto' && generator === 'transformers.js' ? 'cpu' : device;

/** Scores models on tasks, or on a data set; every model's classes are checked before the first task is scored. */
export async function run(asked: VerbOptions<'evaluate'>, context: RunContext): Promise<Evaluated> {
  const started = startRun(context);
  const options = { ...asked, device: await settleDevice({ asked: wantedDevice(asked) }, context) };
  const devices = await devicesOf(options, context);
  const pairs = pairsOf(options);
  if (options.glueSubmission !== undefined) checkSubmission(pairs);
  checkMetrics(pairs, options);
  const { out } = options;
  const folder = out === undefined ? undefined : path.resolve(context.cwd, out);
  const logs = folder === undefined ? undefined : path.join(folder, LOGS);
  const harness: Harness = { options, hub: hubOf(context, options), context, ...(logs === undefined ? {} : { logs }) };
  await using models = await findModels(pairs, harness, started);
  if (folder !== undefined) await removeDrafts(folder);
  if (logs !== undefined && !options.resume) await rm(logs, { recursive: true, force: true });
  const { evaluation, submission } = await scoreAll(pairs, models, harness, started);
  if (options.glueSubmission !== undefined)
    for (const message of submissionGaps(pairs, options)) context.onEvent({ type: 'warning', message });
  const latency = options.latency ? await measureAll(pairs, models, { options, devices }, started) : undefined;
  const names = modelsOf(pairs);
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
  const several = modelsOf(pairs).length > 1;
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

/** The table, in the form that was asked. */
export const format = (result: Evaluated): string => rendered(result, formats.get(result) ?? 'table');
