import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { CsvError, parse } from 'csv-parse';
import { HubError } from '../errors.js';
import type { Row } from '../parquet.js';
import { blocksOf, type TableReader } from './block.js';
import { MAX_LINE_BYTES, textLines } from './text-file.js';

// What a reader of the message can do about each of the parser's refusals.
const advice: Readonly<Record<string, string>> = {
  CSV_RECORD_INCONSISTENT_COLUMNS:
    'give every row as many fields as the header, and quote fields that hold a delimiter',
  CSV_QUOTE_NOT_CLOSED: 'close the quote, or double it where it stands for itself',
  CSV_INVALID_CLOSING_QUOTE: 'double quotes that stand for themselves',
  CSV_MAX_RECORD_SIZE: 'close the quote, or shorten the text',
};

/** A reader of delimited text with a header (RFC 4180; a byte order mark and quotes inside a field are taken as well). */
export const delimitedReader =
  (delimiter: ',' | '\t'): TableReader =>
  (file) =>
    blocksOf(file, records(file, delimiter));

async function* records(file: string, delimiter: string): AsyncGenerator<Row> {
  const parser = parse({
    delimiter,
    bom: true,
    columns: (header: string[]) => checkHeader(file, header),
    skip_empty_lines: true,
    relax_quotes: true,
    max_record_size: MAX_LINE_BYTES,
  });
  // What fails on the way in reaches the reader through the parser.
  const fed = pipeline(Readable.from(textLines(file)), parser);
  fed.catch(() => {});
  try {
    for await (const row of parser) yield row;
    await fed;
  } catch (cause) {
    throw cause instanceof CsvError ? badRecord(file, cause) : cause;
  } finally {
    parser.destroy();
  }
}

function checkHeader(file: string, header: string[]): string[] {
  const twice = header.find((name, i) => header.indexOf(name) !== i);
  if (twice === undefined && header.every((name) => name !== '')) return header;
  const got = twice === undefined ? 'an empty one' : `'${twice}' twice`;
  throw new HubError('input', `${file}: expected a header of different column names, got ${got} (line 1)`);
}

function badRecord(file: string, cause: CsvError): HubError {
  const { code, message } = cause;
  const { lines } = cause as { lines?: number };
  const where = lines === undefined ? '' : ` (line ${lines})`;
  const what = message.replace(/ (?:on|at) line \d+/g, '').slice(0, 200);
  return new HubError('input', `${file}: ${what}${where}; ${advice[code] ?? 'write it as RFC 4180 says'}`, { cause });
}
