import type { Batch } from '@neuroprune/runtime';
import { bucketEnds, type EpochOptions } from './batches.js';
import { EvaluateError } from './error.js';
import { type List, lazyList } from './list.js';
import { shuffledPositions, stream } from './random.js';
import type { WritingRow, WritingRows } from './writing-rows.js';

/** Label of a token that takes no part in the loss. */
const NO_LABEL = -100;

/** The axis of what is written, in the graph of a model that reads one text and writes another. */
const WRITTEN = 'decoder_sequence';

type Sizes = readonly [input: number, target: number];

/**
 * The training batches of one epoch, ceil(n / batchSize) of them, every row once. Rows are shuffled, sorted by the buckets of
 * their inputs and among those of one bucket by the buckets of their targets, up and down in turn, so that neighbours are of
 * like size on both sides; cut, padded to the bucket ends of the longest input and target, and the batches shuffled.
 */
export function writingBatches(
  set: WritingRows,
  { batchSize, seed, epoch }: Omit<EpochOptions, 'buckets'>,
): List<Batch> {
  if (!(Number.isInteger(batchSize) && batchSize > 0))
    throw new EvaluateError('input', `batches: expected a batch size of at least 1, got ${batchSize}`);
  const below = stream(seed, epoch);
  const { length } = set.rows;
  const sizes = Array.from({ length }, (_, i) => set.sizesOf(i));
  const buckets = [0, 1].map((side) => bucketing(sizes.map((size) => size[side]!)));
  const keyOf = ([input, target]: Sizes): number => {
    const [a, b] = [buckets[0]!.indexOf(input), buckets[1]!.indexOf(target)];
    return a * buckets[1]!.count + (a % 2 === 0 ? b : buckets[1]!.count - 1 - b);
  };
  const keys = sizes.map(keyOf);
  const shuffled = [...shuffledPositions(length, below)];
  const sorted = Int32Array.from(shuffled.sort((a, b) => keys[a]! - keys[b]!)); // arrays sort stably
  const order = shuffledPositions(Math.ceil(length / batchSize), below);
  return lazyList(order.length, (i) => {
    const from = order[i]! * batchSize;
    const part = sorted.subarray(from, from + batchSize);
    const [input, target] = [0, 1].map((side) =>
      buckets[side]!.end(part.reduce((longest, at) => Math.max(longest, sizes[at]![side]!), 0)),
    ) as [number, number];
    return {
      ...padTexts(textsAt(set, part), set, batchSize, [input, target]),
      numbers: Array.from(part, (at) => set.sourceOf(at)),
    };
  });
}

/** Batches for scoring, from short texts to long ones, without filler rows: the last one is as small as it is. */
export function writingEvaluationBatches(set: WritingRows, batchSize: number): List<Batch> {
  const sizes = Array.from({ length: set.rows.length }, (_, i) => set.sizesOf(i));
  const order = Int32Array.from(sizes, (_, i) => i).sort(
    (a, b) => sizes[a]![0] - sizes[b]![0] || sizes[a]![1] - sizes[b]![1] || a - b,
  );
  return lazyList(Math.ceil(order.length / batchSize), (i) => {
    const part = order.subarray(i * batchSize, (i + 1) * batchSize);
    const longest = (side: 0 | 1) => part.reduce((most, at) => Math.max(most, sizes[at]![side]), 0);
    return padTexts(textsAt(set, part), set, part.length, [longest(0), longest(1)]);
  });
}

const textsAt = ({ rows }: WritingRows, positions: Int32Array): WritingRow[] =>
  Array.from(positions, (position) => rows.at(position)!);

function bucketing(sizes: readonly number[]) {
  const ends = bucketEnds(sizes.reduce((longest, size) => Math.max(longest, size), 0));
  const indexOf = (size: number): number => ends.findIndex((end) => size <= end);
  return { count: ends.length, indexOf, end: (size: number): number => ends[indexOf(size)]! };
}

/**
 * Pads texts to `size` rows; those missing repeat the first one with weight 0. A target is the labels, and moved on by one
 * behind the start the decoder's input; without targets a row's own tokens are its labels, the first of which nobody predicts.
 */
export function padTexts(
  texts: readonly WritingRow[],
  { padId, startId }: Pick<WritingRows, 'padId' | 'startId'>,
  size: number,
  [length, written]: Sizes,
): Batch {
  const rows = Array.from({ length: size }, (_, i) => texts[i] ?? texts[0]!);
  const inputs: Record<string, Int32Array> = {
    input_ids: padded(
      rows.map(({ input }) => input),
      length,
      padId,
    ),
    attention_mask: padded(
      rows.map(({ input }) => new Int32Array(input.length).fill(1)),
      length,
      0,
    ),
  };
  const weights = new Float32Array(size).fill(1, 0, texts.length);
  const tokens = texts.reduce((sum, { input, target }) => sum + input.length + (target?.length ?? 0), 0);
  if (startId === undefined) {
    const labels = padded(
      rows.map(({ input }) => input),
      length,
      NO_LABEL,
    );
    for (let row = 0; row < size; row++) labels[row * length] = NO_LABEL;
    return { rows: size, length, inputs, labels, weights, tokens };
  }
  const targets = rows.map(({ target }) => target ?? new Int32Array(0));
  inputs.decoder_input_ids = padded(
    targets.map((target) => Int32Array.of(startId, ...target).subarray(0, written)),
    written,
    padId,
  );
  const labels = padded(targets, written, NO_LABEL);
  return { rows: size, length, lengths: { [WRITTEN]: written }, inputs, labels, weights, tokens };
}

function padded(rows: readonly Int32Array[], length: number, filler: number): Int32Array {
  const all = new Int32Array(rows.length * length).fill(filler);
  for (const [i, row] of rows.entries()) all.set(row, i * length);
  return all;
}
