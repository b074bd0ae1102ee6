import type { Batch } from '@neuroprune/runtime';
import { padBatch } from './batch.js';
import type { EncodedRow, EncodedRows } from './encode.js';
import { EvaluateError } from './error.js';
import { shuffled, stream } from './random.js';

/** What orders and cuts an epoch. */
export interface EpochOptions {
  readonly batchSize: number;
  readonly seed: number;
  /** From 0; every epoch has its own order. */
  readonly epoch: number;
  /** Lengths to which batches are padded, rising; `bucketEnds` of the longest row by default. */
  readonly buckets?: readonly number[];
}

/** A batch to be scored, and where its rows stood. */
export interface EvaluationBatch {
  readonly batch: Batch;
  /** [B] positions in the rows that were given. */
  readonly order: readonly number[];
}

/** Token counts of some batches: what is in the rows, what is computed, and what padding all rows to `maxLength` would compute. */
export interface TokenCounts {
  readonly tokens: number;
  readonly computedTokens: number;
  readonly paddedTokens: number;
}

/**
 * Lengths batches are padded to: multiples of 4 up to 32, where most GLUE rows are and 8 would compute a tenth more, of 8 up to
 * 64, of 16 beyond, and `longest` itself at the end.
 */
export function bucketEnds(longest: number): readonly number[] {
  const ends: number[] = [];
  for (let end = 4; end < longest; end += end < 32 ? 4 : end < 64 ? 8 : 16) ends.push(end);
  return [...ends, longest];
}

const lengthOf = (row: EncodedRow): number => row.inputIds.length;

const longestOf = (rows: readonly EncodedRow[]): number =>
  rows.reduce((longest, row) => Math.max(longest, lengthOf(row)), 0);

function checkSize(batchSize: number): void {
  if (Number.isInteger(batchSize) && batchSize > 0) return;
  throw new EvaluateError('input', `batches: expected a batch size of at least 1, got ${batchSize}`);
}

function bucketOf(buckets: readonly number[]): (row: EncodedRow) => number {
  return (row) => {
    const bucket = buckets.findIndex((end) => lengthOf(row) <= end);
    if (bucket >= 0) return bucket;
    throw new EvaluateError(
      'input',
      `batches: expected rows of at most ${buckets.at(-1)} tokens, got ${lengthOf(row)}; add a longer bucket`,
    );
  };
}

const chunks = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size));

/**
 * The training batches of one epoch, ceil(n / batchSize) of them, every row once. The rows are shuffled, sorted by bucket
 * (stable, so the order within a bucket stays random), cut, padded to the bucket end of their longest row, and the batches
 * shuffled; filler rows stand in one batch at most.
 */
export function epochBatches(set: EncodedRows, options: EpochOptions): Batch[] {
  const { batchSize, seed, epoch, buckets = bucketEnds(longestOf(set.rows)) } = options;
  checkSize(batchSize);
  const below = stream(seed, epoch);
  const bucket = bucketOf(buckets);
  const keyed = shuffled(set.rows, below).map((row) => ({ row, bucket: bucket(row) }));
  const cut = chunks(
    keyed.sort((a, b) => a.bucket - b.bucket),
    batchSize,
  );
  return shuffled(cut, below).map((part) =>
    padBatch(
      part.map(({ row }) => row),
      set,
      batchSize,
      buckets[part.at(-1)!.bucket]!,
    ),
  );
}

/** Batches for scoring, from short rows to long ones, without filler rows: the last one is as small as it is. */
export function evaluationBatches(set: EncodedRows, batchSize: number): EvaluationBatch[] {
  checkSize(batchSize);
  const byLength = Array.from(set.rows, (row, position) => ({ row, position })).sort(
    (a, b) => lengthOf(a.row) - lengthOf(b.row),
  );
  return chunks(byLength, batchSize).map((part) => {
    const rows = part.map(({ row }) => row);
    return { batch: padBatch(rows, set, rows.length, longestOf(rows)), order: part.map(({ position }) => position) };
  });
}

/** Adds up the tokens of batches whose rows may be `maxLength` long; filler rows count as computed only. */
export function tokenCounts(batches: readonly Batch[], maxLength: number): TokenCounts {
  const sum = (term: (batch: Batch) => number): number => batches.reduce((total, batch) => total + term(batch), 0);
  return {
    tokens: sum((batch) => batch.tokens),
    computedTokens: sum((batch) => batch.rows * batch.length),
    paddedTokens: sum((batch) => batch.weights.reduce((rows, weight) => rows + weight, 0) * maxLength),
  };
}
