import type { Batch } from '@neuroprune/runtime';
import { padBatch } from './batch.js';
import type { EncodedRow, EncodedRows } from './encode.js';
import { EvaluateError } from './error.js';
import { type List, lazyList } from './list.js';
import { shuffledPositions, stream } from './random.js';

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

function checkSize(batchSize: number): void {
  if (Number.isInteger(batchSize) && batchSize > 0) return;
  throw new EvaluateError('input', `batches: expected a batch size of at least 1, got ${batchSize}`);
}

/** Tokens of each row, special ones included; a row in memory is asked itself. */
export const rowLengths = ({ rows }: EncodedRows): Int32Array =>
  Int32Array.from({ length: rows.length }, (_, i) => rows.tokensOf?.(i) ?? rows.at(i)!.inputIds.length);

const longestOf = (lengths: Int32Array): number => lengths.reduce((longest, length) => Math.max(longest, length), 0);

function bucketOf(buckets: readonly number[]): (length: number) => number {
  return (length) => {
    const bucket = buckets.findIndex((end) => length <= end);
    if (bucket >= 0) return bucket;
    throw new EvaluateError(
      'input',
      `batches: expected rows of at most ${buckets.at(-1)} tokens, got ${length}; add a longer bucket`,
    );
  };
}

/** Positions in rising order of their keys, equal ones in the order given; a counting sort, as keys are small. */
function sortedBy(positions: Int32Array, keys: Int32Array): Int32Array {
  const next = new Int32Array(longestOf(keys) + 2);
  for (const key of keys) next[key + 1]! += 1;
  for (let key = 1; key < next.length; key++) next[key]! += next[key - 1]!;
  const sorted = new Int32Array(positions.length);
  for (const position of positions) sorted[next[keys[position]!]!++] = position;
  return sorted;
}

/** Where rows stand in the data. */
export const numbersOf = ({ rows }: EncodedRows, positions: Int32Array): number[] =>
  Array.from(positions, (position) => rows.sourceOf?.(position) ?? position);

const rowsAt = ({ rows }: EncodedRows, positions: Int32Array): EncodedRow[] =>
  Array.from(positions, (position) => rows.at(position)!);

/**
 * The training batches of one epoch, ceil(n / batchSize) of them, every row once. The rows are shuffled, sorted by bucket
 * (stable, so the order within a bucket stays random), cut, padded to the bucket end of their longest row, and the batches
 * shuffled; filler rows stand in one batch at most. A batch is made each time it is asked for; the order alone is kept,
 * 8 bytes a row.
 */
export function epochBatches(set: EncodedRows, options: EpochOptions): List<Batch> {
  const { batchSize, seed, epoch } = options;
  checkSize(batchSize);
  const below = stream(seed, epoch);
  const lengths = rowLengths(set);
  const buckets = options.buckets ?? bucketEnds(longestOf(lengths));
  const keys = lengths.map(bucketOf(buckets));
  const sorted = sortedBy(shuffledPositions(lengths.length, below), keys);
  const order = shuffledPositions(Math.ceil(sorted.length / batchSize), below);
  return lazyList(order.length, (i) => {
    const from = order[i]! * batchSize;
    const part = sorted.subarray(from, from + batchSize);
    return {
      ...padBatch(rowsAt(set, part), set, batchSize, buckets[keys[part.at(-1)!]!]!),
      numbers: numbersOf(set, part),
    };
  });
}

/** Batches for scoring, from short rows to long ones, without filler rows: the last one is as small as it is. */
export function evaluationBatches(set: EncodedRows, batchSize: number): List<EvaluationBatch> {
  checkSize(batchSize);
  const lengths = rowLengths(set);
  const sorted = sortedBy(
    Int32Array.from(lengths, (_, i) => i),
    lengths,
  );
  return lazyList(Math.ceil(sorted.length / batchSize), (i) => {
    const part = sorted.subarray(i * batchSize, (i + 1) * batchSize);
    return { batch: padBatch(rowsAt(set, part), set, part.length, lengths[part.at(-1)!]!), order: [...part] };
  });
}

/** Adds up the tokens of batches whose rows may be `maxLength` long; filler rows count as computed only. */
export function tokenCounts(batches: Iterable<Batch>, maxLength: number): TokenCounts {
  const counts = { tokens: 0, computedTokens: 0, paddedTokens: 0 };
  for (const batch of batches) {
    counts.tokens += batch.tokens;
    counts.computedTokens += batch.rows * batch.length;
    counts.paddedTokens += batch.weights.reduce((rows, weight) => rows + weight, 0) * maxLength;
  }
  return counts;
}
