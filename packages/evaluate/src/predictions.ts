import { z } from 'zod';
import type { Prediction } from './evaluate.js';
import { predictionFile } from './prediction-file.js';

// Nine digits say every float32 exactly.
const fieldsOf = ({ id, label, prediction, logits }: Prediction): unknown => {
  const short = logits.map((value) => Number(value.toPrecision(9)));
  return { id, label, prediction: logits.length === 1 ? short[0] : prediction, logits: short };
};

const Line = z
  .strictObject({
    id: z.int(),
    label: z.number().nullable(),
    prediction: z.number(),
    logits: z.array(z.number()).min(1),
  })
  .transform(({ id, label, prediction, logits }): Prediction => {
    const exact = logits.map(Math.fround);
    return {
      id,
      label: label ?? Number.NaN,
      prediction: exact.length === 1 ? exact[0]! : prediction,
      logits: exact,
    };
  });

const files = predictionFile(fieldsOf, Line);

/** Writes predictions as NDJSON, one `{id, label, prediction, logits}` a line; the file appears whole or not at all. */
export const writePredictions: (file: string, predictions: readonly Prediction[]) => Promise<void> = files.write;

/** Writes predictions after a line with the hash of what follows, for `findPredictions`. */
export const keepPredictions: (file: string, predictions: readonly Prediction[]) => Promise<void> = files.keep;

/** Predictions as they were kept; undefined where there are none, `corrupt` where they are not what was written. */
export const findPredictions: (file: string) => Promise<readonly Prediction[] | 'corrupt' | undefined> = files.find;
