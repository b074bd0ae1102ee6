import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { writeFileAtomic } from '@neuroprune/models';
import { z } from 'zod';

const Kept = z.strictObject({ sha256: z.string() });

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Reads and writes one kind of prediction as NDJSON, a line each. */
export interface PredictionFile<T> {
  /** The file appears whole or not at all. */
  readonly write: (file: string, predictions: readonly T[]) => Promise<void>;
  /** Writes predictions after a line with the hash of what follows, for `find`. */
  readonly keep: (file: string, predictions: readonly T[]) => Promise<void>;
  /** Predictions as they were kept; undefined where there are none, `corrupt` where they are not what was written. */
  readonly find: (file: string) => Promise<readonly T[] | 'corrupt' | undefined>;
}

/** Files of predictions that are written as `fieldsOf` them, and read by the schema of a line. */
export function predictionFile<T>(fieldsOf: (prediction: T) => unknown, schema: z.ZodType<T>): PredictionFile<T> {
  const textOf = (predictions: readonly T[]) => predictions.map((one) => `${JSON.stringify(fieldsOf(one))}\n`).join('');
  return {
    write: (file, predictions) => writeFileAtomic(file, [textOf(predictions)]),
    keep: (file, predictions) => {
      const text = textOf(predictions);
      return writeFileAtomic(file, [`${JSON.stringify({ sha256: sha256(text) })}\n${text}`]);
    },
    find: async (file) => {
      const content = await readFile(file, 'utf8').catch(() => undefined);
      if (content === undefined) return undefined;
      const end = content.indexOf('\n') + 1;
      try {
        const text = content.slice(end);
        if (Kept.parse(JSON.parse(content.slice(0, end))).sha256 !== sha256(text)) return 'corrupt';
        return text
          .split('\n')
          .slice(0, -1)
          .map((line) => schema.parse(JSON.parse(line)));
      } catch {
        return 'corrupt';
      }
    },
  };
}
