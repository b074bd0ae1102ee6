import path from 'node:path';
import {
  type DataBlock,
  type FoundTextTask,
  loadTokenizer,
  readTexts,
  textMetricsOf,
  writeTexts,
  writtenFile,
} from '@neuroprune/evaluate';
import type { SessionOptions } from '@neuroprune/runtime';
import type { RunContext } from '../context.js';
import { positionsOf } from '../harness/text-limits.js';
import { openTextWriter, writingPlan } from '../harness/text-writer.js';
import type { Split } from './prepare.js';
import type { SourceTexts } from './sample.js';
import { limited, textColumns } from './token-rows.js';
import type { SplitScore } from './workload.js';

/** Validation rows for which a trained model writes where the recipe does not say. */
export const WRITTEN_ROWS = 200;

/** Prompts that are written on together. */
const AT_ONCE = 32;

/** Which texts a trained model writes. */
export interface WrittenRequest extends SourceTexts {
  /** Rows from the split's first on. */
  readonly rows: number;
}

/**
 * Lets the model of a folder write for the first rows of a split, as `evaluate` does, and scores its texts by the task's
 * metrics. Keeps them in `file` where one is named.
 */
export async function scoreWritten(
  folder: string,
  { task, split, around: { prefix, suffix } = {}, rows }: WrittenRequest,
  { signal, onEvent }: RunContext,
  { device = 'cpu', threads }: SessionOptions,
  file?: string,
): Promise<SplitScore> {
  const texts = await readTexts(task, firstRows(split, textColumns(task), rows, signal));
  const asked = { device, ...(threads !== undefined && { threads }) };
  // Of a model, its folder alone decides how it writes.
  const model = { id: folder, folder };
  await using writer = await openTextWriter(model, await writingPlan(model, task, asked), asked, signal);
  const { predictions } = await writeTexts(task, texts, await loadTokenizer(folder), writer.write, {
    ...{ split: split.name, batchSize: AT_ONCE, prefix, suffix, signal },
    maxLength: Math.min(task.maxLength, await positionsOf(folder)),
    onEvent: (event) => onEvent({ ...event }),
  });
  if (file !== undefined) await writtenFile.write(file, predictions);
  return { split: split.name, examples: predictions.length, ...textMetricsOf(task, predictions) };
}

/** Where a run folder keeps what its model wrote. */
export const writtenPath = (folder: string, { name }: FoundTextTask): string =>
  path.join(folder, 'predictions', `${name}.ndjson`);

/** The first rows of a split, which may be some of its source's. */
async function* firstRows(
  { source, positions }: Split,
  columns: readonly string[],
  count: number,
  signal: AbortSignal,
): AsyncGenerator<DataBlock> {
  // Positions rise.
  const chosen = positions?.subarray(0, count);
  const wanted = chosen && new Set(chosen);
  let done = 0;
  for await (const block of limited(source.read(columns), chosen ? chosen.at(-1)! + 1 : count, signal)) {
    const from = done;
    done += block.rows.length;
    yield wanted ? { ...block, rows: block.rows.filter((_, i) => wanted.has(from + i)) } : block;
  }
}
