import path from 'node:path';
import type { DataBlock } from './encode.js';
import { EvaluateError } from './error.js';

/** What the labels of a data set look like. */
export interface LabelScan {
  /** Different labels as text, at most 1001, in the order met. */
  readonly texts: readonly string[];
  /** Whether there are more than 1000. */
  readonly tooMany: boolean;
  /** Whether all are finite numbers, or texts of such. */
  readonly numbers: boolean;
  /** Whether all are whole numbers, or texts of such. */
  readonly integers: boolean;
  /** Whether they are numbers by type, not text. */
  readonly numeric: boolean;
}

const MOST = 1000;

/** Reads all labels. Throws an input error, with file and row, where one is missing or is no plain value. */
export async function scanLabels(name: string, column: string, blocks: AsyncIterable<DataBlock>): Promise<LabelScan> {
  const texts = new Set<string>();
  const is = { numbers: true, integers: true, numeric: true };
  for await (const { file, first, rows } of blocks) {
    for (const [i, row] of rows.entries()) {
      const value = row[column];
      const text = textOf(value);
      if (text === undefined) {
        const got = value === undefined || value === null || value === '' ? 'nothing' : typeof value;
        throw new EvaluateError(
          'input',
          `${name}: expected a label in column '${column}', got ${got} (${path.basename(file)}, row ${first + i}); give the row a label or remove it`,
        );
      }
      if (texts.size <= MOST) texts.add(text);
      if (typeof value === 'string') is.numeric = false;
      if (is.numbers && !Number.isFinite(Number(text))) is.numbers = false;
      if (is.integers && !/^-?\d+$/.test(text)) is.integers = false;
    }
  }
  const booleans = texts.size > 0 && [...texts].every((text) => text === 'true' || text === 'false');
  return { texts: [...texts], tooMany: texts.size > MOST, ...is, ...(booleans && { numbers: false, integers: false }) };
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value.trim() === '' ? undefined : value;
  if (typeof value === 'number') return Number.isNaN(value) ? undefined : String(value);
  return typeof value === 'boolean' || typeof value === 'bigint' ? String(value) : undefined;
}
