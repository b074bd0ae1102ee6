import { z } from 'zod';
import { type PredictionFile, predictionFile } from './prediction-file.js';

/** What a model wrote for a row. */
export interface WrittenPrediction {
  readonly id: number;
  /** The text of `tokens`, special ones left out. */
  readonly generated: string;
  readonly references: readonly string[];
  /** New tokens, the one that ends the text included. */
  readonly tokens: readonly number[];
}

/** How likely a model finds a text, or a window of one. */
export interface LikelihoodPrediction {
  /** The row; of texts that are joined, the window. */
  readonly id: number;
  /** Tokens that were predicted. */
  readonly tokens: number;
  /** Sum of their negative log-likelihoods (natural logarithm), a float32. */
  readonly nll: number;
}

/** Files of texts, `{id, generated, references, tokens}` a line. */
export const writtenFile: PredictionFile<WrittenPrediction> = predictionFile<WrittenPrediction>(
  ({ id, generated, references, tokens }) => ({ id, generated, references, tokens }),
  z.strictObject({
    id: z.int(),
    generated: z.string(),
    references: z.array(z.string()),
    tokens: z.array(z.int().min(0)),
  }),
);

/** Files of likelihoods, `{id, tokens, nll}` a line. */
export const likelihoodFile: PredictionFile<LikelihoodPrediction> = predictionFile<LikelihoodPrediction>(
  ({ id, tokens, nll }) => ({ id, tokens, nll: Number(nll.toPrecision(9)) }),
  z
    .strictObject({ id: z.int(), tokens: z.int().min(0), nll: z.number() })
    .transform(({ id, tokens, nll }) => ({ id, tokens, nll: Math.fround(nll) })),
);
