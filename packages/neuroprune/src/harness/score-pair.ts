import path from 'node:path';
import {
  encodeBlocks,
  findPredictions,
  inPieces,
  keepPredictions,
  labelledMetrics,
  loadTokenizer,
  openBatchLog,
  type Prediction,
  type SessionPredict,
  scoreRows,
  sessionPredict,
  type Task,
  tokenKey,
} from '@neuroprune/evaluate';
import type { HubOptions } from '@neuroprune/hub';
import type { RunContext } from '../context.js';
import { MetricKey } from '../schema/data.js';
import type { VerbOptions } from '../schema/verbs.js';
import { type Classifier, taskFor } from '../stages/classifier.js';
import { fetchScored } from '../stages/data.js';
import type { FetchedRows } from '../stages/fetch-rows.js';
import { advisedOnMemory } from '../stages/out-of-memory.js';
import { limited } from '../stages/token-rows.js';
import { versions } from '../stages/versions.js';
import { hashFiles } from '../stages/write-file.js';
import { cachedPredictions } from './cache.js';
import type { ClassPair } from './pairs.js';

/** What scoring one classifier on one task gives. */
export interface ClassScore {
  readonly kind: 'classes';
  /** With its classes in the model's order. */
  readonly task: Task;
  readonly rows: FetchedRows;
  readonly predictions: readonly Prediction[];
  readonly metrics: Readonly<Record<string, number>>;
  readonly signatures: Readonly<Record<string, string>>;
}

/** What all pairs of a call share. */
export interface Harness {
  readonly options: VerbOptions<'evaluate'>;
  readonly hub: HubOptions;
  readonly context: RunContext;
  /** Folder where batches are kept until all is done; absent where nothing is to be resumed. */
  readonly logs?: string;
}

/** Rows of a task that `--few` looks at. */
export const FEW = 16;

/** Scores a model on a task, or finds its predictions in the cache, or goes on where it was stopped. */
export async function scorePair(pair: ClassPair, classifier: Classifier, harness: Harness): Promise<ClassScore> {
  const { options, hub, context } = harness;
  const split = options.split ?? (options.glueSubmission === undefined ? 'validation' : 'test');
  const { task: found, rows } = await fetchScored(
    pair.task,
    { ...options, metric: labelMetricsOf(options) },
    split,
    hub,
    context,
  );
  const task = taskFor(found, classifier, pair.model);
  const key = await keyOf(task, rows, classifier, options);
  const name = `${task.name} ${rows.split}`;
  const files = { find: findPredictions, keep: keepPredictions };
  const predictions = await cachedPredictions(files, { key, name, harness }, () =>
    advisedOnMemory('try a lower --batch-size', () => scored(pair, task, rows, classifier, key, harness)),
  );
  return { kind: 'classes', task, rows, predictions, ...labelledMetrics(task, predictions) };
}

/** The metrics of classes and scores that are asked; the schema lets no other stand beside a classifier. */
function labelMetricsOf({ metric }: VerbOptions<'evaluate'>) {
  return metric?.map((name) => MetricKey.parse(name));
}

/** A hash of all that decides the predictions. */
async function keyOf(
  task: Task,
  rows: FetchedRows,
  { files }: Classifier,
  { batchSize, threads, device, ...options }: VerbOptions<'evaluate'>,
): Promise<string> {
  const hashes = (await hashFiles(files)).map(({ path: name, sha256 }) => [name, sha256]);
  const data = rows.files.map(({ sha256 }) => sha256);
  const { neuroprune, 'onnxruntime-node': runtime, platform } = versions();
  return tokenKey({
    model: hashes,
    task,
    split: rows.split,
    data,
    limit: limitOf(options),
    batchSize,
    threads,
    device,
    versions: { neuroprune, runtime, platform },
  });
}

/** Rows that are looked at; all where undefined. */
export const limitOf = ({ few, limit }: Pick<VerbOptions<'evaluate'>, 'few' | 'limit'>): number | undefined =>
  few ? FEW : limit;

async function scored(
  pair: ClassPair,
  task: Task,
  rows: FetchedRows,
  { model, folder }: Classifier,
  key: string,
  { options, context, logs }: Harness,
): Promise<readonly Prediction[]> {
  const { batchSize, resume } = options;
  const { signal, onEvent } = context;
  await using session = await sessionPredict(model, sessionOf(options));
  const tokenizer = await loadTokenizer(folder);
  const length = Math.min(task.recipe.maxLength, session.maxLength ?? Number.POSITIVE_INFINITY);
  const blocks = inPieces(limited(rows.read(columnsOf(task)), limitOf(options), signal));
  const file = logs === undefined ? undefined : path.join(logs, pair.folder, `${task.name}.ndjson`);
  await using log = file === undefined ? undefined : await openBatchLog(file, key, { resume });
  const encoded = encodeBlocks(tokenizer, blocks, task, length, { unlabelled: true });
  const { predictions } = await scoreRows(task, session.predict, encoded, {
    padId: tokenizer.padId,
    split: rows.split,
    batchSize,
    log,
    signal,
    onEvent: (event) => onEvent({ ...event }),
  });
  return predictions;
}

const columnsOf = ({ sentences, labelColumn, idColumn }: Task): string[] => [
  ...new Set([...sentences, labelColumn, idColumn ?? 'idx']),
];

/** Session options of a call. */
export const sessionOf = ({ device, threads }: Pick<VerbOptions<'evaluate'>, 'device' | 'threads'>) => ({
  device,
  ...(threads === undefined ? {} : { threads }),
});

/** A session for a classifier, to be measured. */
export const openSession = ({ model }: Classifier, options: VerbOptions<'evaluate'>): Promise<SessionPredict> =>
  sessionPredict(model, sessionOf(options));
