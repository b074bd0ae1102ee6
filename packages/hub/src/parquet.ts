import { stat } from 'node:fs/promises';
import * as zlib from 'node:zlib';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import {
  type AsyncBuffer,
  asyncBufferFromFile,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  type RowGroup,
  snappyUncompress,
} from 'hyparquet';
import { HubError } from './errors.js';
import type { RowBlock, TableReader } from './table/block.js';

/** One row by column name; 64-bit integers that fit are numbers. */
export type Row = Readonly<Record<string, unknown>>;

const MAX_FILE_BYTES = 2 ** 36;
const MAX_BYTES = 2 ** 31; // of the columns read at once, uncompressed
const MAX_PAGE_BYTES = 2 ** 28;
const MAX_ROWS = 20_000_000; // at once

/**
 * Reads all rows of a parquet file (uncompressed, snappy, gzip or brotli; zstd where Node has it).
 * Throws `HubError` of kind `input` for a file that is missing, damaged, too large or compressed otherwise.
 */
export async function readParquet(file: string): Promise<Row[]> {
  const rows: Row[] = [];
  const sum = { rows: 0, bytes: 0 };
  const blocks = parquetGroups(file, undefined, (group) => {
    sum.rows += group.rows;
    sum.bytes += group.bytes;
    checkSize(file, sum);
  });
  for await (const block of blocks) for (const row of block.rows) rows.push(row);
  return rows;
}

/** Reads the rows of a parquet file a row group at a time, the columns named or all; throws as `readParquet` does. */
export const readParquetBlocks: TableReader = (file, columns) =>
  parquetGroups(file, columns, (group) => checkSize(file, group));

interface Size {
  readonly rows: number;
  readonly bytes: number;
}

async function* parquetGroups(
  file: string,
  columns: readonly string[] | undefined,
  checkGroup: (size: Size) => void,
): AsyncGenerator<RowBlock> {
  const { buffer, metadata } = await guarded(file, () => openParquet(file));
  let first = 0;
  for (const group of metadata.row_groups) {
    const wanted = columns?.filter((name) => hasColumn(metadata, name));
    checkGroup({ rows: Number(group.num_rows), bytes: bytesOf(group, wanted) });
    const rowEnd = first + Number(group.num_rows);
    const rows = await guarded(file, async () => {
      const found = await parquetReadObjects({
        file: buffer,
        metadata,
        compressors,
        rowStart: first,
        rowEnd,
        ...(wanted && { columns: wanted }),
      });
      if (found.length !== rowEnd - first) throw new Error(`${rowEnd - first} rows stated, ${found.length} found`);
      return found.map(plainRow);
    });
    yield { file, first: first + 1, rows };
    first = rowEnd;
  }
}

/** The footer's key-value pairs, in which writers keep what the columns mean. */
export async function parquetNotes(file: string): Promise<ReadonlyMap<string, string>> {
  const { metadata } = await guarded(file, () => openParquet(file));
  return new Map(metadata.key_value_metadata?.map(({ key, value }) => [key, value ?? '']));
}

async function openParquet(file: string): Promise<{ buffer: AsyncBuffer; metadata: FileMetaData }> {
  const { size } = await stat(file).catch((cause: unknown) => {
    throw new HubError('input', `${file}: expected a parquet file, found none`, { cause });
  });
  if (size > MAX_FILE_BYTES)
    throw new HubError('input', `${file}: expected at most ${MAX_FILE_BYTES} bytes, got ${size}`);
  const buffer = await asyncBufferFromFile(file);
  const metadata = await parquetMetadataAsync(buffer);
  checkMetadata(file, metadata, size);
  return { buffer, metadata };
}

async function guarded<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof HubError) throw cause;
    const why = String((cause as Error)?.message ?? cause).slice(0, 200);
    throw new HubError('input', `${file}: not a readable parquet file (${why}); fetch or export it again`, { cause });
  }
}

const hasColumn = ({ schema }: FileMetaData, name: string): boolean => schema.some((element) => element.name === name);

const bytesOf = ({ columns }: RowGroup, wanted: readonly string[] | undefined): number =>
  columns
    .flatMap(({ meta_data }) => meta_data ?? [])
    .filter((column) => wanted === undefined || wanted.includes(column.path_in_schema[0] ?? ''))
    .reduce((sum, column) => sum + Number(column.total_uncompressed_size), 0);

/** Refuses what the footer admits before anything is read, so that a small file cannot ask for much memory. */
function checkSize(file: string, { rows, bytes }: Size): void {
  if (rows > MAX_ROWS) throw new HubError('input', `${file}: expected at most ${MAX_ROWS} rows at once, got ${rows}`);
  if (bytes > MAX_BYTES)
    throw new HubError('input', `${file}: expected at most ${MAX_BYTES} bytes of data at once, got ${bytes}`);
}

// Node has zstd from 22.15 on; its types here are older.
const zstd = (zlib as { zstdDecompressSync?: typeof gunzipSync }).zstdDecompressSync;

function pageSize(size: number): number {
  if (size <= MAX_PAGE_BYTES) return size;
  throw new Error(`page of ${size} bytes`);
}

const compressors: Compressors = {
  SNAPPY(input, size) {
    const output = new Uint8Array(pageSize(size));
    snappyUncompress(input, output);
    return output;
  },
  GZIP: (input, size) => gunzipSync(input, { maxOutputLength: pageSize(size) }),
  BROTLI: (input, size) => brotliDecompressSync(input, { maxOutputLength: pageSize(size) }),
  ...(zstd && { ZSTD: (input, size) => zstd(input, { maxOutputLength: pageSize(size) }) }),
};

/** Refuses a footer that contradicts itself or the file. */
function checkMetadata(file: string, metadata: FileMetaData, size: number): void {
  const columns = metadata.row_groups.flatMap((group) => group.columns.flatMap((column) => column.meta_data ?? []));
  const codec = columns.find(({ codec }) => codec !== 'UNCOMPRESSED' && !(codec in compressors))?.codec;
  if (codec) {
    const known = Object.keys(compressors).join(', ');
    throw new HubError('input', `${file}: expected ${known} or no compression, got ${codec}; write it as snappy`);
  }
  const stated = metadata.row_groups.reduce((sum, group) => sum + Number(group.num_rows), 0);
  if (stated !== Number(metadata.num_rows)) throw new Error(`${metadata.num_rows} rows stated, groups of ${stated}`);
  const outside = columns.some(
    (column) =>
      Number(column.dictionary_page_offset ?? column.data_page_offset) + Number(column.total_compressed_size) > size,
  );
  if (outside) throw new Error('a column lies past the end of the file');
}

function plainRow(row: Record<string, unknown>): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plain(value)]));
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (Array.isArray(value)) return value.map(plain);
  if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    return plainRow(value as Record<string, unknown>);
  }
  return value;
}
