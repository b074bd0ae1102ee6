import type { BatchLog } from './batch-log.js';
import { EvaluateError } from './error.js';
import type { ScoreEvent } from './evaluate.js';
import { textMetrics } from './metrics/metrics.js';
import type { WrittenPrediction } from './text-predictions.js';
import type { FoundTextTask, TextRow } from './text-rows.js';
import type { TextMetricChoice, TextTask } from './text-tasks.js';
import type { TextTokenizer } from './tokenize.js';

/** A model that writes: new tokens for each of a batch of prompts, in their order. */
export type WriteTokens = (prompts: readonly (readonly number[])[]) => Promise<readonly (readonly number[])[]>;

/** How texts are made of rows, and which rows are done together. */
export interface ScoreTextsOptions {
  readonly split: string;
  readonly batchSize: number;
  /** Tokens of a prompt at most. */
  readonly maxLength: number;
  /** What stands before and after each source. */
  readonly prefix?: string | undefined;
  readonly suffix?: string | undefined;
  /** Where batches are kept and found. */
  readonly log?: BatchLog | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: ((event: ScoreEvent) => void) | undefined;
}

/** What was written for rows, and what it took. */
export interface WrittenTexts {
  /** One a row, in the order of the rows. */
  readonly predictions: readonly WrittenPrediction[];
  /** Tokens of the prompts, without padding. */
  readonly promptTokens: number;
  /** Prompts that were cut to the length at most. */
  readonly cut: number;
}

/**
 * Lets a model write for every row, prompts of like length together, the longest first.
 * @throws what the model throws; the signal's reason.
 */
export async function writeTexts(
  task: FoundTextTask,
  rows: readonly TextRow[],
  tokenizer: TextTokenizer,
  write: WriteTokens,
  options: ScoreTextsOptions,
): Promise<WrittenTexts> {
  const { split, batchSize, maxLength, prefix = '', suffix = '', log, signal, onEvent } = options;
  const limit = Math.min(maxLength, tokenizer.maxLength);
  const prompts = rows.map(({ source }) => tokenizer.encode(`${prefix}${source}${suffix}`, undefined, limit));
  const predictions = new Array<WrittenPrediction>(rows.length);
  let done = 0;
  for (const places of batchesByLength(
    prompts.map(({ inputIds }) => inputIds.length),
    batchSize,
  )) {
    signal?.throwIfAborted();
    const found = log?.find(places);
    const written = found ?? (await write(places.map((place) => Array.from(prompts[place]!.inputIds))));
    if (!found) await log?.add(places, written);
    for (const [i, place] of places.entries()) {
      const { id, references } = rows[place]!;
      predictions[place] = { id, generated: tokenizer.decode(written[i]!), references, tokens: written[i]! };
    }
    done += places.length;
    onEvent?.({ type: 'evaluate', task: task.name, split, done, total: rows.length });
  }
  return {
    predictions,
    promptTokens: prompts.reduce((sum, { inputIds }) => sum + inputIds.length, 0),
    cut: prompts.filter(({ cut }) => cut !== undefined).length,
  };
}

/** Places of rows by their lengths, the longest first and of equals the earlier, in batches. */
export function batchesByLength(lengths: readonly number[], size: number): number[][] {
  const order = lengths.map((_, place) => place).sort((a, b) => lengths[b]! - lengths[a]!);
  return Array.from({ length: Math.ceil(order.length / size) }, (_, i) => order.slice(i * size, (i + 1) * size));
}

/** Values of a task's metrics, and the signature of each. */
export interface SignedMetrics {
  readonly metrics: Readonly<Record<string, number>>;
  /** By the names of the metrics; those of sacreBLEU in its syntax. */
  readonly signatures: Readonly<Record<string, string>>;
}

/** Options of a task's metric. */
export const textMetricOptions = ({ metricOptions = {} }: TextTask, metric: string): object =>
  metricOptions[metric as keyof TextMetricChoice] ?? {};

/** The task's metrics of what was written; none where rows have no references. */
export function textMetricsOf(task: TextTask, predictions: readonly WrittenPrediction[]): SignedMetrics {
  if (predictions.some(({ references }) => references.length === 0)) return { metrics: {}, signatures: {} };
  const texts = predictions.map(({ generated }) => generated);
  const references = predictions.map((row) => row.references);
  const values: Record<string, number> = {};
  const signatures: Record<string, string> = {};
  for (const name of task.metrics) {
    if (name === 'perplexity')
      throw new EvaluateError(
        'input',
        `${task.name}: expected metrics of texts, got perplexity; score it with --task perplexity`,
      );
    const { signature, ...rest } = textMetrics[name](texts, references, textMetricOptions(task, name));
    Object.assign(values, rest);
    signatures[name] = signature;
  }
  return { metrics: values, signatures };
}
