import type { DataBlock, EncodedRow } from './encode.js';
import { EvaluateError } from './error.js';
import { type List, lazyList } from './list.js';
import { type FoundTextTask, readTexts } from './text-rows.js';
import type { TokenFile } from './token-file.js';
import type { TextTokenizer } from './tokenize.js';

/** A text that a model learns to write, as token ids. */
export interface WritingRow {
  /** What is read: the source, or the text itself where the model goes on with it. */
  readonly input: Int32Array;
  /** What is written after reading; absent where the model goes on with its input. */
  readonly target?: Int32Array;
}

/** Texts to learn to write, in memory or read when asked for. */
export interface WritingRows {
  readonly rows: List<WritingRow>;
  /** Tokens of a row's input and target, 0 for no target, without reading it. */
  readonly sizesOf: (index: number) => readonly [input: number, target: number];
  /** Where a row stands among all. */
  readonly sourceOf: (index: number) => number;
  readonly padId: number;
  /** Token before the first of a target; absent where rows have none. */
  readonly startId?: number;
}

/** How texts become token ids. */
export interface WritingOptions {
  /** Tokens of a source and of a target at most; a longer one is cut. */
  readonly maxLength: number;
  /** What stands before and after each source. */
  readonly prefix?: string | undefined;
  readonly suffix?: string | undefined;
}

/**
 * Tokenizes a task's rows block by block: source and target one after the other, or the texts alone where the task is that of
 * their likelihood; these are not cut, for windows are made of them.
 * @throws EvaluateError (`input`) naming the row whose text is none, or that has no reference.
 */
export async function* encodeTexts(
  tokenizer: TextTokenizer,
  blocks: AsyncIterable<DataBlock>,
  task: FoundTextTask,
  { maxLength, prefix = '', suffix = '' }: WritingOptions,
): AsyncGenerator<readonly EncodedRow[]> {
  const limit = Math.min(maxLength, tokenizer.maxLength);
  const encoded = (text: string, most: number, id: number): EncodedRow => ({
    ...tokenizer.encode(text, undefined, most),
    id,
    label: 0,
  });
  let done = 0;
  for await (const block of blocks) {
    const rows = await readTexts(task, once(block));
    yield rows.flatMap(({ source, references: [target] }, i) => {
      const id = done + i;
      if (task.kind === 'likelihood') return [encoded(source, Number.MAX_SAFE_INTEGER, id)];
      if (target === undefined)
        throw new EvaluateError(
          'input',
          `${task.name}: expected a reference to learn from, got none (row ${id}); train on a split that has them`,
        );
      return [encoded(`${prefix}${source}${suffix}`, limit, id), encoded(target, limit, id)];
    });
    done += rows.length;
  }
}

async function* once<T>(value: T): AsyncGenerator<T> {
  yield value;
}

/** Sources with their targets, from rows in which they take turns; `startId` is what a model writes after. */
export function pairsOf({ rows, padId }: TokenFile, startId: number): WritingRows {
  const tokensOf = (index: number): number => rows.tokensOf?.(index) ?? rows.at(index)!.inputIds.length;
  return {
    rows: lazyList(rows.length / 2, (i) => ({
      input: rows.at(2 * i)!.inputIds,
      target: rows.at(2 * i + 1)!.inputIds,
    })),
    sizesOf: (i) => [tokensOf(2 * i), tokensOf(2 * i + 1)],
    sourceOf: (i) => i,
    padId,
    startId,
  };
}

/**
 * Windows of `length` tokens over all texts one after another, each text with its own special tokens, as transformers'
 * run_clm.py groups them; the last window has what is left, where that is a token to predict or more.
 */
export function windowsOf({ rows, padId }: TokenFile, length: number): WritingRows {
  const starts = new Float64Array(rows.length + 1);
  for (let i = 0; i < rows.length; i++)
    starts[i + 1] = starts[i]! + (rows.tokensOf?.(i) ?? rows.at(i)!.inputIds.length);
  const total = starts[rows.length]!;
  const count = Math.floor(total / length) + Number(total % length > 1);
  const sizeOf = (i: number): number => Math.min(length, total - i * length);
  const window = (i: number): WritingRow => {
    const input = new Int32Array(sizeOf(i));
    let row = rowAt(starts, i * length);
    for (let at = 0; at < input.length; row++) {
      const ids = rows.at(row)!.inputIds;
      const from = i * length + at - starts[row]!;
      const part = ids.subarray(from, from + input.length - at);
      input.set(part, at);
      at += part.length;
    }
    return { input };
  };
  return { rows: lazyList(count, window), sizesOf: (i) => [sizeOf(i), 0], sourceOf: (i) => i, padId };
}

/** The row in which a token stands, by the tokens before each row. */
function rowAt(starts: Float64Array, token: number): number {
  let [low, high] = [0, starts.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (starts[middle]! <= token) low = middle;
    else high = middle;
  }
  return low;
}

/** Some of the rows, by their positions; a view that reads none. */
export function someTexts(set: WritingRows, positions: Int32Array): WritingRows {
  return {
    ...set,
    rows: lazyList(positions.length, (i) => set.rows.at(positions[i]!)!),
    sizesOf: (i) => set.sizesOf(positions[i]!),
    sourceOf: (i) => set.sourceOf(positions[i]!),
  };
}
