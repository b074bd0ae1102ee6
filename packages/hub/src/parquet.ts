import { stat } from 'node:fs/promises';
import {
  asyncBufferFromFile,
  type Compressors,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  snappyUncompress,
} from 'hyparquet';
import { HubError } from './errors.js';

/** One row by column name; 64-bit integers that fit are numbers. */
export type Row = Readonly<Record<string, unknown>>;

const MAX_FILE_BYTES = 2 ** 31;
const MAX_BYTES = 2 ** 31; // of all columns, uncompressed
const MAX_PAGE_BYTES = 2 ** 28;
const MAX_ROWS = 20_000_000;

/**
 * Reads all rows of a parquet file (uncompressed or snappy).
 * Throws `HubError` of kind `input` for a file that is missing, damaged, too large or compressed otherwise.
 */
export async function readParquet(file: string): Promise<Row[]> {
  const { size } = await stat(file).catch((cause: unknown) => {
    throw new HubError('input', `${file}: expected a parquet file, found none`, { cause });
  });
  if (size > MAX_FILE_BYTES)
    throw new HubError('input', `${file}: expected at most ${MAX_FILE_BYTES} bytes, got ${size}`);
  try {
    const buffer = await asyncBufferFromFile(file);
    const metadata = await parquetMetadataAsync(buffer);
    checkMetadata(file, metadata, size);
    const rows = await parquetReadObjects({ file: buffer, metadata, compressors });
    if (rows.length !== Number(metadata.num_rows))
      throw new Error(`${metadata.num_rows} rows stated, ${rows.length} found`);
    return rows.map(plainRow);
  } catch (cause) {
    if (cause instanceof HubError) throw cause;
    const why = String((cause as Error)?.message ?? cause).slice(0, 200);
    throw new HubError('input', `${file}: not a readable parquet file (${why}); fetch or export it again`, { cause });
  }
}

const compressors: Compressors = {
  SNAPPY(input, size) {
    if (size > MAX_PAGE_BYTES) throw new Error(`page of ${size} bytes`);
    const output = new Uint8Array(size);
    snappyUncompress(input, output);
    return output;
  },
};

/** Refuses what the footer admits before anything is read, so that a small file cannot ask for much memory. */
function checkMetadata(file: string, metadata: FileMetaData, size: number): void {
  const columns = metadata.row_groups.flatMap((group) => group.columns.flatMap((column) => column.meta_data ?? []));
  const bytes = columns.reduce((sum, column) => sum + Number(column.total_uncompressed_size), 0);
  const codec = columns.find((column) => column.codec !== 'SNAPPY' && column.codec !== 'UNCOMPRESSED')?.codec;
  if (codec)
    throw new HubError('input', `${file}: expected snappy or no compression, got ${codec}; write it as snappy`);
  if (metadata.num_rows > MAX_ROWS) {
    throw new HubError('input', `${file}: expected at most ${MAX_ROWS} rows, got ${metadata.num_rows}`);
  }
  if (bytes > MAX_BYTES)
    throw new HubError('input', `${file}: expected at most ${MAX_BYTES} bytes of data, got ${bytes}`);
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
