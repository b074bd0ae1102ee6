import type { Row } from '../parquet.js';

/** Some rows of a file, in order. */
export interface RowBlock {
  readonly file: string;
  /** Number of its first row in the file, counted from 1 without a header. */
  readonly first: number;
  readonly rows: readonly Row[];
}

/** Reads a file a block at a time; only the columns named, where the format can leave others out. */
export type TableReader = (file: string, columns?: readonly string[]) => AsyncGenerator<RowBlock>;

/** Rows of a block at most, where the format does not set it. */
const BLOCK = 1000;

/** Gathers rows into blocks. */
export async function* blocksOf(file: string, rows: AsyncIterable<Row>): AsyncGenerator<RowBlock> {
  let block: Row[] = [];
  let first = 1;
  for await (const row of rows) {
    block.push(row);
    if (block.length < BLOCK) continue;
    yield { file, first, rows: block };
    first += block.length;
    block = [];
  }
  if (block.length > 0) yield { file, first, rows: block };
}
