import { EvaluateError } from '../error.js';
import { pairCount, undefinedScore, type Values, type WarningOptions } from './pairs.js';

/**
 * Perplexity, exp(Σ nll / Σ tokens), 1 or more, lower is better. Takes the summed negative log-likelihood (natural
 * logarithm) of each text or window and the number of tokens in each sum; NaN without tokens, Infinity where it overflows.
 * Source: Jelinek et al., "Perplexity—a measure of the difficulty of speech recognition tasks" (1977).
 */
export function perplexity(
  negativeLogLikelihoods: Values,
  tokens: Values,
  options: WarningOptions = {},
): { perplexity: number } {
  const texts = pairCount('perplexity', negativeLogLikelihoods, tokens);
  let [sum, count] = [0, 0];
  for (let i = 0; i < texts; i++) {
    sum += negativeLogLikelihoods[i]!;
    count += tokens[i]!;
  }
  if (count === 0) return { perplexity: undefinedScore('perplexity', 'without tokens', options) };
  return { perplexity: Math.exp(sum / count) };
}

/** A window of a long text: tokens `begin` to `end` go in, the last `scored` of them are predicted. */
export interface PerplexityWindow {
  readonly begin: number;
  readonly end: number;
  readonly scored: number;
}

const whole = (name: string, value: number): void => {
  if (Number.isInteger(value) && value >= 1) return;
  throw new EvaluateError('input', `perplexity: expected ${name} to be a whole number from 1 on, got ${value}`);
};

/**
 * The windows of at most `maxLength` tokens, `stride` apart, in which each token of a text is predicted once, from as much
 * context as its window has; the first token of a text is not predicted, nor is one that begins a window without overlap
 * (`stride` = `maxLength`). Source: Hugging Face transformers, "Perplexity of fixed-length models", with exact token counts.
 */
export function slidingWindows(length: number, maxLength: number, stride = maxLength): readonly PerplexityWindow[] {
  whole('maxLength', maxLength);
  whole('stride', stride);
  if (stride > maxLength) {
    throw new EvaluateError(
      'input',
      `perplexity: expected a stride of at most ${maxLength} tokens, the longest window, got ${stride}; tokens between windows would not count`,
    );
  }
  const windows: PerplexityWindow[] = [];
  for (let begin = 0, done = 0; done < length; begin += stride) {
    const end = Math.min(begin + maxLength, length);
    windows.push({ begin, end, scored: Math.min(end - done, end - begin - 1) });
    done = end;
  }
  return windows;
}
