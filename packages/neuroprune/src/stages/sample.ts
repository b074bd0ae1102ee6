import { readFile } from 'node:fs/promises';
import path from 'node:path';
import {
  type EncodedRows,
  type FoundTextTask,
  loadGenerator,
  loadTokenizer,
  type Prediction,
  rowLengths,
  type Task,
  valueAt,
} from '@neuroprune/evaluate';
import { z } from 'zod';
import { NeuropruneError } from '../error.js';
import type { Split } from './prepare.js';
import type { Recipe } from './recipe.js';
import { writeJson } from './write-file.js';

/** Inputs and the logits they must give, to check a published model with. */
export const Sample = z.object({
  /** Tokens after which an input would be cut; none of them is. */
  maxLength: z.int(),
  inputs: z.array(z.array(z.string()).min(1).max(2)),
  /** Of each input; of a model that writes, the tokens that it writes. */
  logits: z.array(z.array(z.number())),
  /** How a model writes, where it does, and how much. */
  writes: z.object({ kind: z.enum(['causal', 'seq2seq']), newTokens: z.int() }).optional(),
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

/** Texts in a sample of those. */
const TEXTS = 4;

/** Tokens that are written for each at most. */
const NEW_TOKENS = 16;

/** Texts that a model is to go on with. */
export interface SourceTexts {
  readonly task: FoundTextTask;
  readonly split: Split;
  /** What stands around each source. */
  readonly around?: Recipe['texts'] | undefined;
}

/** What a sample of texts is made of. */
export interface TextSampleRequest extends SourceTexts {
  /** Tokens of an input, or of all that a model goes on with. */
  readonly maxLength: number;
}

/** Keeps the first sources of a split, or how its texts begin, with what the published files write for them, greedily. */
export async function writeTextSample(folder: string, request: TextSampleRequest): Promise<void> {
  const model = path.join(folder, 'model');
  const tokenizer = await loadTokenizer(model);
  const encode = (text: string) => tokenizer.encode(text, undefined, Number.MAX_SAFE_INTEGER).inputIds;
  const texts = await inputsOf(request, (text) => encode(text).length);
  await using generator = await loadGenerator(model);
  const newTokens = Math.max(1, Math.min(NEW_TOKENS, Math.floor(request.maxLength / 2)));
  const settings = { numBeams: 1, noRepeatNgramSize: 0, maxNewTokens: newTokens, batchSize: 1 };
  const written = texts.length > 0 ? (await generator.generate(texts.map(encode), settings)).texts : [];
  const sample: Sample = {
    maxLength: request.maxLength,
    inputs: texts.map((text) => [text]),
    logits: written.map(({ tokens }) => [...tokens]),
    writes: { kind: generator.kind, newTokens },
  };
  await writeJson(path.join(folder, FILE), sample);
}

/** Sources that need not be cut; or as many words of texts as take up half of the length. */
async function inputsOf(
  { task, split: { source }, around: { prefix = '', suffix = '' } = {}, maxLength }: TextSampleRequest,
  lengthOf: (text: string) => number,
): Promise<string[]> {
  const texts: string[] = [];
  const add = (text: string) => {
    const writes = task.kind === 'generation';
    const words = text.trim().split(/\s+/).slice(0, NEW_TOKENS);
    const parts = writes ? [`${prefix}${text}${suffix}`] : words.map((_, i) => words.slice(0, i + 1).join(' '));
    const most = writes ? maxLength : maxLength / 2;
    const found = parts.findLast((part) => part !== '' && lengthOf(part) <= most);
    if (found !== undefined) texts.push(found);
  };
  for await (const { rows } of source.read([task.layout.source.split('.')[0] as string])) {
    for (const row of rows) if (texts.length < TEXTS) add(String(valueAt(row, task.layout.source)));
    if (texts.length === TEXTS) break;
  }
  return texts;
}

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
