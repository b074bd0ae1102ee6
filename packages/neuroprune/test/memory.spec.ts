import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fixtures, temporary } from './command.js';

let folder = '';
let remove = async (): Promise<void> => {};

beforeAll(async () => {
  ({ folder, remove } = await temporary());
});

afterAll(() => remove());

type Line = (text: string, label: number, i: number) => string;

const formats: Record<string, { head: string; line: Line }> = {
  csv: { head: 'id,text,label\n', line: (text, label, i) => `${i},"${text}",${label}\n` },
  jsonl: { head: '', line: (text, label, id) => `${JSON.stringify({ id, text, label })}\n` },
};

const words = [
  'charming',
  'film',
  'plot',
  'awkward',
  'of',
  'the',
  'a',
  'cast',
  'unflinchingly',
  'dull',
  'never',
  'and',
];

async function write(name: string, format: string, rows: number): Promise<string> {
  const place = path.join(folder, name);
  await mkdir(place);
  const { head, line } = formats[format]!;
  const file = createWriteStream(path.join(place, `train.${format}`));
  file.write(head);
  for (let i = 0; i < rows; i++) {
    const text = Array.from({ length: 4 + (i % 23) }, (_, k) => words[(i * 7 + k * k) % words.length]).join(' ');
    if (!file.write(line(text, i % 2, i))) await once(file, 'drain');
  }
  file.end();
  await once(file, 'close');
  return place;
}

/** Peak memory in MB of a process that reads rows, tokenizes them and goes through two epochs of batches. */
async function peakOf(place: string, rows: number): Promise<number> {
  const script = path.join(import.meta.dirname, 'stream-rows.mjs');
  const model = path.join(fixtures, 'models/neuroprune/bert-micro-uncased');
  // A heap this small leaves no room for rows that are kept.
  const args = ['--max-semi-space-size=4', '--max-old-space-size=96', script, place, model, `${place}-cache`];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  const report = JSON.parse(stdout);
  expect(report.rows).toBe(rows);
  expect(report.tokens).toBeGreaterThan(2 * 10 * rows);
  return report.maxRSS / 1024;
}

// Beside them grow 4 bytes a row for lengths, 8 for the order of an epoch, and 8 for ids while rows are read.
const BYTES_A_ROW = 48;
const SLACK_MB = 24;

const full = process.env.NEUROPRUNE_CHECK === 'full';
const few = full ? 20_000 : 10_000;

it.each(full ? ['csv', 'jsonl'] : ['csv'])('ten times the rows of a %s take the same memory', async (format) => {
  const before = await peakOf(await write(`few-${format}`, format, few), few);
  const after = await peakOf(await write(`many-${format}`, format, 10 * few), 10 * few);
  const said = `${format}: ${before.toFixed(0)} MB for ${few} rows, ${after.toFixed(0)} MB for ten times as many`;
  expect(after - before, said).toBeLessThan((9 * few * BYTES_A_ROW) / 2 ** 20 + SLACK_MB);
});
