import type { Tensor } from '@neuroprune/onnx';
import type { Batch } from '@neuroprune/runtime';
import { signature } from './metrics/signature.js';
import { floatLogits } from './token-inputs.js';

/** Runs a model over a batch: logits of every token. */
export type RunForward = (batch: Batch) => Promise<Tensor | undefined>;

/** How well texts are predicted. */
export interface WritingLoss {
  readonly examples: number;
  /** Tokens that were predicted. */
  readonly tokens: number;
  /** Mean negative log-likelihood of a token. */
  readonly loss: number;
  /** exp(loss) */
  readonly perplexity: number;
  /** How both were computed, by their names. */
  readonly signatures: Readonly<Record<'loss' | 'perplexity', string>>;
}

/**
 * Mean loss of the labelled tokens of some batches, as training computes it: each text's own tokens where the batch has no
 * others, whose logits stand one token earlier, or those of a decoder.
 */
export async function writingLoss(
  run: RunForward,
  batches: Iterable<Batch>,
  each: (done: number) => void = () => {},
): Promise<WritingLoss> {
  const sums = { examples: 0, tokens: 0, loss: 0 };
  let done = 0;
  for (const batch of batches) {
    addLosses(sums, batch, await run(batch));
    done += batch.rows;
    each(done);
  }
  const loss = sums.loss / sums.tokens;
  const signed = signature({ mean: 'tokens' });
  return { ...sums, loss, perplexity: Math.exp(loss), signatures: { loss: signed, perplexity: signed } };
}

function addLosses(sums: { examples: number; tokens: number; loss: number }, batch: Batch, logits: Tensor | undefined) {
  const { rows, labels, weights } = batch;
  const vocabulary = logits?.dims[2] ?? 0;
  const values = floatLogits(logits);
  const length = labels.length / rows;
  const later = batch.lengths === undefined ? 1 : 0;
  for (let row = 0; row < rows; row++) {
    if (weights[row] === 0) continue;
    sums.examples += 1;
    for (let at = later; at < length; at++) {
      const label = labels[row * length + at]!;
      if (label < 0) continue;
      const start = (row * length + at - later) * vocabulary;
      sums.loss += negativeLogLikelihood(values, start, vocabulary, label);
      sums.tokens += 1;
    }
  }
}

/** −log softmax(logits)[label] of the logits from a place on. */
function negativeLogLikelihood(values: Float32Array, start: number, count: number, label: number): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = start; i < start + count; i++) if (values[i]! > largest) largest = values[i]!;
  let sum = 0;
  for (let i = start; i < start + count; i++) sum += Math.exp(values[i]! - largest);
  return largest + Math.log(sum) - values[start + label]!;
}
