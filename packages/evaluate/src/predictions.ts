import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '@neuroprune/models';
import { z } from 'zod';
import type { Prediction } from './evaluate.js';

// Nine digits say every float32 exactly.
const line = ({ id, label, prediction, logits }: Prediction): string => {
  const short = logits.map((value) => Number(value.toPrecision(9)));
  return `${JSON.stringify({ id, label, prediction: logits.length === 1 ? short[0] : prediction, logits: short })}\n`;
};

/** Writes predictions as NDJSON, one `{id, label, prediction, logits}` a line; the file appears whole or not at all. */
export async function writePredictions(file: string, predictions: readonly Prediction[]): Promise<void> {
  await writeFileAtomic(file, [predictions.map(line).join('')]);
}

const Kept = z.strictObject({ sha256: z.string() });
const Line = z.strictObject({
  id: z.int(),
  label: z.number().nullable(),
  prediction: z.number(),
  logits: z.array(z.number()).min(1),
});

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Writes predictions after a line with the hash of what follows, for `findPredictions`. */
export async function keepPredictions(file: string, predictions: readonly Prediction[]): Promise<void> {
  const text = predictions.map(line).join('');
  await writeFileAtomic(file, [`${JSON.stringify({ sha256: sha256(text) })}\n${text}`]);
}

/** Predictions as they were kept; undefined where there are none, `corrupt` where they are not what was written. */
export async function findPredictions(file: string): Promise<readonly Prediction[] | 'corrupt' | undefined> {
  const content = await readFile(file, 'utf8').catch(() => undefined);
  if (content === undefined) return undefined;
  const end = content.indexOf('\n') + 1;
  try {
    const text = content.slice(end);
    if (Kept.parse(JSON.parse(content.slice(0, end))).sha256 !== sha256(text)) return 'corrupt';
    return text.split('\n').slice(0, -1).map(parsed);
  } catch {
    return 'corrupt';
  }
}

function parsed(text: string): Prediction {
  const { id, label, prediction, logits } = Line.parse(JSON.parse(text));
  const exact = logits.map(Math.fround);
  return {
    id,
    label: label ?? Number.NaN,
    prediction: exact.length === 1 ? exact[0]! : prediction,
    logits: exact,
  };
}
