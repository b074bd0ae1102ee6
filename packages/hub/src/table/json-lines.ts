import { HubError } from '../errors.js';
import type { Row } from '../parquet.js';
import { blocksOf, type TableReader } from './block.js';
import { textLines } from './text-file.js';

/** Reads JSON lines: an object a line, empty lines left out. */
export const readJsonLines: TableReader = (file) => blocksOf(file, objects(file));

async function* objects(file: string): AsyncGenerator<Row> {
  let number = 0;
  for await (const lines of textLines(file)) {
    const text = lines
      .toString('utf8')
      .replace(/^\uFEFF/, '')
      .replace(/\n$/, '');
    for (const line of text.split('\n')) {
      number++;
      if (line.trim() !== '') yield objectOf(line, file, number);
    }
  }
}

function objectOf(line: string, file: string, number: number): Row {
  const bad = (got: string, cause?: unknown): HubError =>
    new HubError(
      'input',
      `${file}: expected a JSON object in each line, got ${got} (line ${number}); write JSON lines`,
      {
        cause,
      },
    );
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw bad(`'${line.trim().slice(0, 40)}'`, cause);
  }
  if (value !== null && typeof value === 'object' && !Array.isArray(value)) return value as Row;
  throw bad(Array.isArray(value) ? 'an array' : JSON.stringify(value).slice(0, 40));
}
