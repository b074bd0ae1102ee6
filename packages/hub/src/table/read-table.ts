import { HubError } from '../errors.js';
import { readParquetBlocks } from '../parquet.js';
import type { RowBlock, TableReader } from './block.js';
import { delimitedReader } from './delimited.js';
import { readJsonLines } from './json-lines.js';

/** Readers by the ending of a file's name. */
const readers = {
  parquet: readParquetBlocks,
  csv: delimitedReader(','),
  'csv.gz': delimitedReader(','),
  tsv: delimitedReader('\t'),
  'tsv.gz': delimitedReader('\t'),
  jsonl: readJsonLines,
  'jsonl.gz': readJsonLines,
  ndjson: readJsonLines,
  'ndjson.gz': readJsonLines,
  json: readJsonLines,
  'json.gz': readJsonLines,
} satisfies Record<string, TableReader>;

/** Ending of a data file's name. */
export type TableEnding = keyof typeof readers;

/** Endings of the names of files that hold tables. */
export const tableEndings = Object.keys(readers) as readonly TableEnding[];

/** The ending of a file's name that says how its rows are read; undefined for another file. */
export const endingOf = (file: string): TableEnding | undefined =>
  tableEndings.find((ending) => file.toLowerCase().endsWith(`.${ending}`));

/**
 * Reads a data file a block of rows at a time: parquet by its row groups, text by its lines.
 * Throws `HubError` of kind `input`, naming file and line, for what the format does not allow.
 */
export function readTable(file: string, columns?: readonly string[]): AsyncGenerator<RowBlock> {
  const ending = endingOf(file);
  if (ending !== undefined) return readers[ending](file, columns);
  throw new HubError('input', `${file}: expected a name ending in ${tableEndings.map((e) => `.${e}`).join(', ')}`);
}
