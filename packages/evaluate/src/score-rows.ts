import { Readable } from 'node:stream';
import type { BatchLog } from './batch-log.js';
import { evaluationBatches } from './batches.js';
import type { EncodedRow } from './encode.js';
import { EvaluateError } from './error.js';
import {
  labelSignatures,
  type Predict,
  type Prediction,
  predictionOf,
  rowLogits,
  type ScoreOptions,
  type TaskScore,
  taskMetrics,
} from './evaluate.js';
import { type RowWindow, rowWindows } from './row-windows.js';
import type { Task } from './tasks.js';

/** Blocks of rows that are tokenized ahead of the model; 65,536 rows of `inPieces`. */
const AHEAD = 256;

/** Batches that a model is given before it has answered the first of them. */
const IN_FLIGHT = 2;

/** Settings of `scoreRows`. */
export interface ScoreRowsOptions extends ScoreOptions {
  readonly padId: number;
  /** Where batches are kept and found. */
  readonly log?: BatchLog | undefined;
}

interface Job {
  readonly rows: readonly EncodedRow[];
  /** Positions of the rows in the data. */
  readonly positions: readonly number[];
  readonly logits: Promise<readonly (readonly number[])[]>;
}

/**
 * Runs a model over rows while they are tokenized, from short to long within windows, and scores it as `scoreTask` does. Rows
 * without labels (NaN) are predicted only: where no row has one, there are no metrics.
 * @throws EvaluateError as `scoreTask` does, and (`input`) where some rows have labels and some have none; the signal's reason.
 */
export async function scoreRows(
  task: Task,
  predict: Predict,
  blocks: AsyncIterable<readonly EncodedRow[]>,
  options: ScoreRowsOptions,
): Promise<TaskScore> {
  const { split = task.splits.validation, signal, onEvent } = options;
  const predictions: Prediction[] = [];
  const read = { rows: 0, ended: false };
  const flying: Job[] = [];
  let done = 0;
  const land = async (): Promise<void> => {
    const { rows, positions, logits } = flying.shift()!;
    for (const [i, row] of (await logits).entries()) predictions[positions[i]!] = predictionOf(task, rows[i]!, row);
    done += rows.length;
    // How many there will be is known once the last row is read, which is long before it is scored.
    if (read.ended) onEvent?.({ type: 'evaluate', task: task.name, split, done, total: read.rows });
  };
  const ahead = Readable.from(counted(blocks, read), { highWaterMark: AHEAD });
  try {
    for await (const window of rowWindows(ahead)) {
      for (const job of jobs(task, predict, window, options)) {
        signal?.throwIfAborted();
        flying.push(job);
        if (flying.length >= IN_FLIGHT) await land();
      }
    }
    while (flying.length > 0) await land();
  } finally {
    ahead.destroy();
    await Promise.allSettled(flying.map(({ logits }) => logits));
  }
  const scores = labelledMetrics(task, predictions);
  return { task: task.name, split, examples: done, ...scores, predictions };
}

async function* counted<T extends readonly unknown[]>(
  blocks: AsyncIterable<T>,
  read: { rows: number; ended: boolean },
): AsyncGenerator<T> {
  for await (const block of blocks) {
    read.rows += block.length;
    yield block;
  }
  read.ended = true;
}

/** The batches of a window, each begun when it is asked for. */
function* jobs(
  task: Task,
  predict: Predict,
  { first, rows }: RowWindow,
  { padId, batchSize = 32, log }: ScoreRowsOptions,
): Generator<Job> {
  const set = { rows, regression: task.labels === 'score', padId };
  for (const { batch, order } of evaluationBatches(set, batchSize)) {
    const positions = order.map((i) => first + i);
    const run = async () => {
      const found = log?.find(positions);
      if (found) return found;
      const logits = rowLogits(task, await predict(batch), batch.rows);
      await log?.add(positions, logits);
      return logits;
    };
    const logits = run();
    logits.catch(() => {}); // told where it lands
    yield { rows: order.map((i) => rows[i]!), positions, logits };
  }
}

/** Metrics of predictions whose rows have labels, with their signatures; none where no row has one. */
export function labelledMetrics(
  task: Task,
  predictions: readonly Prediction[],
): Pick<TaskScore, 'metrics' | 'signatures'> {
  const without = predictions.filter(({ label }) => Number.isNaN(label)).length;
  if (without === 0) return { metrics: taskMetrics(task, predictions), signatures: labelSignatures(task) };
  if (without === predictions.length) return { metrics: {}, signatures: {} };
  throw new EvaluateError(
    'input',
    `${task.name}: expected a label in every row or in none, got ${without} of ${predictions.length} without; remove these rows, or label them`,
  );
}
