import path from 'node:path';
import { performance } from 'node:perf_hooks';
import {
  type BatchLog,
  type FoundTextTask,
  foundTexts,
  type LikelihoodPrediction,
  likelihoodFile,
  likelihoodWindows,
  loadLikelihoodModel,
  loadTokenizer,
  openBatchLog,
  perplexityOf,
  readTexts,
  scoreLikelihoods,
  type TextRow,
  textMetricsOf,
  tokenKey,
  type WrittenPrediction,
  writeTexts,
  writtenFile,
} from '@neuroprune/evaluate';
import type { VerbOptions } from '../schema/verbs.js';
import { type FetchedRows, fetchSplit, openData } from '../stages/fetch-rows.js';
import { limited } from '../stages/token-rows.js';
import { versions } from '../stages/versions.js';
import { hashFiles } from '../stages/write-file.js';
import { cachedPredictions } from './cache.js';
import type { TextPair } from './pairs.js';
import { type Harness, limitOf, sessionOf } from './score-pair.js';
import { positionsOf, readsSource } from './text-limits.js';
import type { TextModel } from './text-model.js';
import { openTextWriter, type TextWriter, type WritingFacts, writingPlan } from './text-writer.js';

interface Scored {
  readonly task: FoundTextTask;
  readonly rows: FetchedRows;
  readonly metrics: Readonly<Record<string, number>>;
  readonly signatures: Readonly<Record<string, string>>;
}

/** What a model wrote for the rows of a task. */
export interface WrittenScore extends Scored {
  readonly kind: 'texts';
  readonly predictions: readonly WrittenPrediction[];
  readonly writing: WritingFacts;
}

/** How likely a model finds the texts of a task. */
export interface LikelihoodScore extends Scored {
  readonly kind: 'likelihoods';
  readonly predictions: readonly LikelihoodPrediction[];
  readonly window: { readonly maxLength: number; readonly stride: number; readonly documents: 'rows' | 'joined' };
}

/** Scores a model on a task of text, or finds its predictions in the cache, or goes on where it was stopped. */
export async function scoreTextPair(
  pair: TextPair,
  model: TextModel,
  harness: Harness,
): Promise<WrittenScore | LikelihoodScore> {
  const { options, hub, context } = harness;
  const split = options.split ?? 'validation';
  const open = await openData(pair.text.dataset, hub, context);
  const known = options.dataset === undefined ? pair.text.splits[split as 'validation'] : undefined;
  const rows = await fetchSplit(open, known ?? split);
  const { columns, label } = options;
  const found = await foundTexts(
    pair.text,
    { ...(columns && { columns }), ...(label !== undefined && { label }) },
    rows.read,
  );
  const blocks = limited(rows.read([...found.columns]), limitOf(options), context.signal);
  const job = { pair, model, harness, task: found.task, rows, texts: await readTexts(found.task, blocks) };
  return found.task.kind === 'generation' ? written(job) : likely(job);
}

/** All that scoring a model on a task needs. */
interface Job {
  readonly pair: TextPair;
  readonly model: TextModel;
  readonly harness: Harness;
  readonly task: FoundTextTask;
  readonly rows: FetchedRows;
  readonly texts: readonly TextRow[];
}

async function written(job: Job): Promise<WrittenScore> {
  const { task, rows, model, harness, texts } = job;
  const { options, context } = harness;
  const plan = await writingPlan(model, task, options);
  const { facts } = plan;
  const maxLength = await lengthOf(job, readsSource(model.folder) ? 0 : facts.maxNewTokens);
  const { sourcePrefix: prefix, sourceSuffix: suffix } = options;
  const key = await keyOf(job, { ...facts, maxLength, prefix, suffix });
  const name = `${task.name} ${rows.split}`;
  const predictions = await cachedPredictions(writtenFile, { key, name, harness }, async () => {
    await using writer = await openTextWriter(model, plan, options, context.signal);
    await using log = await logOf(job, key);
    const tokenizer = await loadTokenizer(model.tokenizer);
    const timed = stopwatch(writer);
    const { predictions: own, cut } = await writeTexts(task, texts, tokenizer, timed.write, {
      split: rows.split,
      batchSize: options.batchSize,
      maxLength,
      prefix,
      suffix,
      log,
      signal: context.signal,
      onEvent: (event) => context.onEvent({ ...event }),
    });
    if (cut > 0)
      context.onEvent({
        type: 'note',
        message: `${name}: ${cut} of ${own.length} sources were cut to ${maxLength} tokens`,
      });
    const message = timed.message(name);
    if (message !== undefined) context.onEvent({ type: 'note', message });
    return own;
  });
  return { kind: 'texts', task, rows, predictions, writing: facts, ...textMetricsOf(task, predictions) };
}

/** Counts what is written and the time it takes; the first batch warms up and does not count. */
function stopwatch({ write }: TextWriter) {
  let [batches, tokens, seconds] = [0, 0, 0];
  return {
    write: (async (prompts) => {
      const before = performance.now();
      const texts = await write(prompts);
      if (batches++ > 0) {
        seconds += (performance.now() - before) / 1000;
        tokens += texts.reduce((sum, text) => sum + text.length, 0);
      }
      return texts;
    }) satisfies TextWriter['write'],
    message: (name: string): string | undefined =>
      batches < 2
        ? undefined
        : `${name}: wrote ${tokens} tokens in ${seconds.toFixed(1)} s, ${(tokens / seconds).toFixed(0)} a second, after the first batch`,
  };
}

async function likely(job: Job): Promise<LikelihoodScore> {
  const { task, rows, model, harness, texts } = job;
  const { options, context } = harness;
  const maxLength = await lengthOf(job);
  const stride = options.stride ?? Math.max(1, Math.floor(maxLength / 2));
  const window = { maxLength, stride, documents: task.documents };
  const key = await keyOf(job, window);
  const predictions = await cachedPredictions(
    likelihoodFile,
    { key, name: `${task.name} ${rows.split}`, harness },
    async () => {
      const windows = likelihoodWindows(task, texts, await loadTokenizer(model.tokenizer), window);
      await using loaded = await loadLikelihoodModel(model.folder, sessionOf(options));
      await using log = await logOf(job, key);
      return await scoreLikelihoods(task, windows, loaded.score, {
        split: rows.split,
        batchSize: options.batchSize,
        log,
        signal: context.signal,
        onEvent: (event) => context.onEvent({ ...event }),
      });
    },
  );
  return { kind: 'likelihoods', task, rows, predictions, window, ...perplexityOf(predictions, window) };
}

/** Tokens of a source or a window: as asked, else as the task has it and the model allows beside those that it writes. */
async function lengthOf({ task, model, harness: { options } }: Job, written = 0): Promise<number> {
  const { maxLength } = await loadTokenizer(model.tokenizer);
  const positions = await positionsOf(model.folder);
  return options.maxLength ?? Math.max(1, Math.min(task.maxLength, maxLength, positions - written));
}

/** A hash of all that decides the predictions. */
async function keyOf({ task, rows, model, harness: { options } }: Job, how: object): Promise<string> {
  const { neuroprune, 'onnxruntime-node': runtime, platform } = versions();
  const { batchSize, threads, device } = options satisfies VerbOptions<'evaluate'>;
  const { layout, name, version, documents } = task;
  return tokenKey({
    model: (await hashFiles(model.files)).map(({ path: file, sha256 }) => [file, sha256]),
    task: { layout, name, version, documents },
    split: rows.split,
    data: rows.files.map(({ sha256 }) => sha256),
    limit: limitOf(options),
    how,
    batchSize,
    threads,
    device,
    versions: { neuroprune, runtime, platform },
  });
}

async function logOf({ pair, task, harness: { logs, options } }: Job, key: string): Promise<BatchLog | undefined> {
  if (logs === undefined) return undefined;
  return openBatchLog(path.join(logs, pair.folder, `${task.name}.ndjson`), key, { resume: options.resume });
}
