import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Prediction } from './evaluate.js';

// Nine digits say every float32 exactly.
const line = ({ id, label, prediction, logits }: Prediction): string => {
  const short = logits.map((value) => Number(value.toPrecision(9)));
  return `${JSON.stringify({ id, label, prediction: logits.length === 1 ? short[0] : prediction, logits: short })}\n`;
};

/** Writes predictions as NDJSON, one `{id, label, prediction, logits}` a line; the file appears whole or not at all. */
export async function writePredictions(file: string, predictions: readonly Prediction[]): Promise<void> {
  await mkdir(path.dirname(file), { recursive: true });
  const temporary = `${file}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const handle = await open(temporary, 'wx');
    try {
      await handle.writeFile(predictions.map(line).join(''));
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
