import { readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  type EncodedRows,
  type FoundTextTask,
  type Prediction,
  rowLengths,
  type Task,
  valueAt,
} from '@neuroprune/evaluate';
import { z } from 'zod';
import { NeuropruneError } from '../error.js';
import type { Split } from './prepare.js';
import { writeJson } from './write-file.js';

/** Inputs and the logits they must give, to check a published model with. */
export const Sample = z.object({
  /** Tokens after which an input would be cut; none of them is. */
  maxLength: z.int(),
  inputs: z.array(z.array(z.string()).min(1).max(2)),
  logits: z.array(z.array(z.number())),
});
export type Sample = z.output<typeof Sample>;

/** Rows in a sample. */
const ROWS = 64;

const FILE = 'sample.json';

/** Keeps the first rows that are not cut, with the logits of the file that was proved. */
export async function writeSample(
  folder: string,
  task: Task,
  split: Split,
  encoded: EncodedRows,
  predictions: readonly Prediction[],
  maxLength: number,
): Promise<void> {
  const chosen = [...rowLengths(encoded)].flatMap((length, i) => (length < maxLength ? [i] : [])).slice(0, ROWS);
  const sample: Sample = {
    maxLength,
    inputs: await textsOf(task, split, chosen),
    logits: chosen.map((i) => [...(predictions[i]?.logits ?? [])]),
  };
  await writeJson(path.join(folder, FILE), sample);
}

/** Keeps the first sources of a task of texts, for the card; what is written for them is no part of it. */
export async function writeTextSample(folder: string, { layout }: FoundTextTask, { source }: Split): Promise<void> {
  const inputs: string[][] = [];
  for await (const { rows } of source.read([layout.source.split('.')[0] as string])) {
    for (const row of rows) if (inputs.length < TEXTS) inputs.push([String(valueAt(row, layout.source))]);
    if (inputs.length === TEXTS) break;
  }
  const sample: Sample = { maxLength: 0, inputs, logits: [] };
  await writeJson(path.join(folder, FILE), sample);
}

/** Texts in a sample of those. */
const TEXTS = 4;

/** The texts of some rows of a split, in rising order; what follows the last of them is not read. */
async function textsOf(
  { sentences }: Task,
  { source, positions }: Split,
  chosen: readonly number[],
): Promise<string[][]> {
  const wanted = chosen.map((i) => positions?.[i] ?? i);
  const texts: string[][] = [];
  let done = 0;
  for await (const { rows } of source.read(sentences)) {
    while (texts.length < wanted.length && wanted[texts.length]! < done + rows.length) {
      const row = rows[wanted[texts.length]! - done];
      texts.push(sentences.map((column) => String(row?.[column])));
    }
    if (texts.length === wanted.length) break;
    done += rows.length;
  }
  return texts;
}

/** The sample of a run folder. */
export async function readSample(folder: string): Promise<Sample> {
  const file = path.join(folder, FILE);
  try {
    return Sample.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (cause) {
    throw new NeuropruneError('input', `${file}: expected the sample of a finished run, got none; run it again`, {
      cause,
    });
  }
}
