import type { DataBlock, EncodedRow } from './encode.js';

/** Rows that are tokenized at once before others get a turn. */
const PIECE = 256;

/** Rows of the first window and of the largest; small at first, so that a model has work while the rest is tokenized. */
const FIRST_WINDOW = 256;
const LARGEST_WINDOW = 4096;

/** Rows of a data set that are sorted by length together. */
export interface RowWindow {
  /** Position of its first row. */
  readonly first: number;
  readonly rows: readonly EncodedRow[];
}

/** Blocks of at most 256 rows, between which timers and other work come to their turn. */
export async function* inPieces(blocks: AsyncIterable<DataBlock>): AsyncGenerator<DataBlock> {
  for await (const { file, first, rows } of blocks) {
    for (let at = 0; at < rows.length; at += PIECE) {
      yield { file, first: first + at, rows: rows.slice(at, at + PIECE) };
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** Gathers rows into windows of 256, 512, … up to 4096, which depend on nothing but the number of rows. */
export async function* rowWindows(blocks: AsyncIterable<readonly EncodedRow[]>): AsyncGenerator<RowWindow> {
  let [first, size] = [0, FIRST_WINDOW];
  let rows: EncodedRow[] = [];
  for await (const block of blocks) {
    for (const row of block) rows.push(row);
    while (rows.length >= size) {
      yield { first, rows: rows.slice(0, size) };
      rows = rows.slice(size);
      first += size;
      size = Math.min(2 * size, LARGEST_WINDOW);
    }
  }
  if (rows.length > 0) yield { first, rows };
}
