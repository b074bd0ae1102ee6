import type { Batch } from '@neuroprune/runtime';
import { numbersOf, rowLengths } from './batches.js';
import type { EncodedRow, EncodedRows } from './encode.js';
import { EvaluateError } from './error.js';
import { type List, lazyList } from './list.js';
import { shuffledPositions, stream } from './random.js';

/** What orders and packs an epoch. */
export interface PackingOptions {
  /** Examples of a batch. */
  readonly batchSize: number;
  readonly seed: number;
  /** From 0; every epoch has its own order. */
  readonly epoch: number;
  /** Tokens of a sequence: `packLength` of the rows. */
  readonly length: number;
}

/** Tokens of a sequence that holds the longest row: a multiple of the batch size, so that sequences divide among rows. */
export const packLength = (set: EncodedRows, batchSize: number): number =>
  Math.ceil(rowLengths(set).reduce((longest, length) => Math.max(longest, length), 1) / batchSize) * batchSize;

/**
 * The training batches of one epoch, ceil(n / batchSize) of them, every row once, several in each sequence: no padding but
 * at the ends of sequences. A batch of P sequences of `length` tokens comes as B rows of P · length / B, its tokens in order;
 * `attention_mask` numbers the examples from 1, `position_ids` count in each, `first_tokens` says where each begins.
 */
export function packedBatches(set: EncodedRows, { batchSize, seed, epoch, length }: PackingOptions): List<Batch> {
  if (!(Number.isInteger(batchSize) && batchSize > 0 && length % batchSize === 0))
    throw new EvaluateError('input', `packing: expected a length that is a multiple of the batch size, got ${length}`);
  const order = shuffledPositions(set.rows.length, stream(seed, epoch));
  return lazyList(Math.ceil(order.length / batchSize), (i) => {
    const part = order.subarray(i * batchSize, (i + 1) * batchSize);
    const rows = Array.from(part, (position) => set.rows.at(position)!);
    return { ...packed(rows, set, batchSize, length), numbers: numbersOf(set, part) };
  });
}

/** Where each row begins: the longest first, each in the first sequence with room for it. */
function placed(rows: readonly EncodedRow[], length: number): { readonly starts: Int32Array; readonly count: number } {
  const starts = new Int32Array(rows.length);
  const used: number[] = [];
  const longestFirst = rows
    .map((_, i) => i)
    .sort((a, b) => rows[b]!.inputIds.length - rows[a]!.inputIds.length || a - b);
  for (const i of longestFirst) {
    const tokens = rows[i]!.inputIds.length;
    if (tokens > length)
      throw new EvaluateError('input', `packing: expected rows of at most ${length} tokens, got ${tokens}`);
    const found = used.findIndex((taken) => taken + tokens <= length);
    const at = found < 0 ? used.push(0) - 1 : found;
    starts[i] = at * length + used[at]!;
    used[at]! += tokens;
  }
  return { starts, count: used.length };
}

function packed(rows: readonly EncodedRow[], set: EncodedRows, size: number, length: number): Batch {
  const { starts, count } = placed(rows, length);
  const tokens = count * length;
  const inputs = {
    input_ids: new Int32Array(tokens).fill(set.padId),
    attention_mask: new Int32Array(tokens),
    token_type_ids: new Int32Array(tokens),
    position_ids: new Int32Array(tokens),
    first_tokens: new Int32Array(size),
  };
  const labels = set.regression ? new Float32Array(size) : new Int32Array(size);
  for (const [i, { inputIds, tokenTypeIds, label }] of rows.entries()) {
    const start = starts[i]!;
    inputs.input_ids.set(inputIds, start);
    inputs.token_type_ids.set(tokenTypeIds, start);
    inputs.attention_mask.fill(i + 1, start, start + inputIds.length);
    for (let t = 0; t < inputIds.length; t++) inputs.position_ids[start + t] = t;
    inputs.first_tokens[i] = start;
    labels[i] = label;
  }
  // Rows missing to the batch size stand for the first one, with weight 0.
  inputs.first_tokens.fill(starts[0]!, rows.length);
  labels.fill(rows[0]!.label, rows.length);
  return {
    rows: size,
    length: tokens / size,
    inputs,
    labels,
    weights: new Float32Array(size).fill(1, 0, rows.length),
    tokens: rows.reduce((sum, { inputIds }) => sum + inputIds.length, 0),
  };
}
