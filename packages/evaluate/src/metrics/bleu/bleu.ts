import { EvaluateError } from '../../error.js';
import { type NgramCounts, ngramMatches, ngramTotal, wordNgrams } from '../ngrams.js';
import type { WarningOptions } from '../pairs.js';
import { splitWords, stripEnd } from '../python-text.js';
import {
  type References,
  type Signed,
  signatureOf,
  sumRows,
  type TextMetric,
  type TextStatistics,
  type Texts,
  textRows,
  textScore,
} from '../text-pairs.js';
import { type BleuScore, type BleuSmoothing, bleuFromCounts, smoothDefaults } from './bleu-score.js';
import { type BleuTokenizer, bleuTokenizer } from './tokenizers.js';

/** Options of `bleu`, those of sacreBLEU. */
export interface BleuOptions extends WarningOptions {
  /** `13a` by default. */
  readonly tokenize?: BleuTokenizer;
  readonly lowercase?: boolean;
  /** `exp` by default. */
  readonly smoothMethod?: BleuSmoothing;
  /** For `floor` (0.1 by default) and `add-k` (1 by default). */
  readonly smoothValue?: number;
  /** Longest n-gram, 4 by default. */
  readonly maxNgramOrder?: number;
  /** Leaves out orders for which the predictions have no n-gram; meant for single sentences. */
  readonly effectiveOrder?: boolean;
  /** Does not warn of predictions that look tokenized. */
  readonly force?: boolean;
}

interface Side {
  readonly ngrams: readonly NgramCounts[];
  readonly length: number;
}

function resolve(options: BleuOptions) {
  const { smoothMethod = 'exp', smoothValue, maxNgramOrder = 4, effectiveOrder = false } = options;
  if (!Object.hasOwn(smoothDefaults, smoothMethod)) {
    const known = Object.keys(smoothDefaults).join(', ');
    throw new EvaluateError('input', `bleu: expected smoothMethod to be one of ${known}, got ${smoothMethod}`);
  }
  if (!Number.isInteger(maxNgramOrder) || maxNgramOrder < 1) {
    throw new EvaluateError('input', `bleu: expected maxNgramOrder to be a whole number from 1, got ${maxNgramOrder}`);
  }
  return { smoothMethod, smoothValue, maxNgramOrder, effectiveOrder };
}

// sacreBLEU warns from a hundred lines on.
function warnOfTokens(predictions: Texts, options: BleuOptions): void {
  if (options.force || predictions.filter((text) => text.endsWith(' .')).length < 100) return;
  options.onWarning?.(
    "bleu: 100 predictions or more end in a tokenized period (' .'); tokenized text changes the score: detokenize it, or set force",
  );
}

// The most that any one reference has of each n-gram.
function mostOf(sides: readonly Side[]): readonly NgramCounts[] {
  const [first, ...others] = sides;
  for (const other of others) {
    for (const [n, counts] of other.ngrams.entries()) {
      const most = first!.ngrams[n]!;
      for (const [key, count] of counts) if (count > (most.get(key) ?? 0)) most.set(key, count);
    }
  }
  return first!.ngrams;
}

// The shorter of two that are equally far.
const closest = (lengths: readonly number[], to: number): number =>
  lengths.reduce((best, length) => {
    const nearer = Math.abs(length - to) - Math.abs(best - to);
    return nearer < 0 || (nearer === 0 && length < best) ? length : best;
  });

function statistics(predictions: Texts, references: References, options: BleuOptions): TextStatistics<'bleu'> {
  const settings = resolve(options);
  const tokenizer = bleuTokenizer(options.tokenize ?? '13a');
  const orders = settings.maxNgramOrder;
  const side = (text: string): Side => {
    const words = splitWords(tokenizer(stripEnd(options.lowercase ? text.toLowerCase() : text)));
    return { ngrams: Array.from({ length: orders }, (_, n) => wordNgrams(words, n + 1)), length: words.length };
  };
  warnOfTokens(predictions, options);
  const rows = textRows(predictions, references, 2 + 2 * orders, (prediction, list) => {
    const own = side(prediction);
    const others = list.map(side);
    const length = closest(
      others.map((other) => other.length),
      own.length,
    );
    const most = mostOf(others);
    const matches = own.ngrams.map((counts, n) => ngramMatches(counts, most[n]!));
    return [own.length, length, ...matches, ...own.ngrams.map(ngramTotal)];
  });
  return { ...rows, score: (sums) => ({ bleu: bleuFromCounts(sums, settings).score }) };
}

function smoothing({ smoothMethod = 'exp', smoothValue }: BleuOptions): string {
  const byDefault = smoothDefaults[smoothMethod];
  return byDefault === undefined ? smoothMethod : `${smoothMethod}[${(smoothValue ?? byDefault).toFixed(2)}]`;
}

/** BLEU as the statistics module takes it. */
export const bleuMetric: TextMetric<BleuOptions, 'bleu'> = {
  name: 'bleu',
  keys: ['bleu'],
  statistics,
  fields: (options) => ({
    case: options.lowercase ? 'lc' : 'mixed',
    eff: options.effectiveOrder ?? false,
    tok: options.tokenize ?? '13a',
    smooth: smoothing(options),
  }),
};

/**
 * BLEU of a corpus, BP · exp(Σₙ log pₙ / N) with pₙ the share of matched n-grams and BP = min(1, exp(1 − r / c)), in 0…100,
 * higher is better; NaN without texts. Papineni et al., "BLEU: a method for automatic evaluation of machine translation"
 * (2002), as sacreBLEU 2.6.0 computes it: several references clip by the most any of them has, the closest gives the length.
 */
export function bleu(predictions: Texts, references: References, options: BleuOptions = {}): Signed<'bleu'> {
  return textScore(bleuMetric, predictions, references, options);
}

/** BLEU of a corpus with counts, precisions, lengths and signature; needs one text or more. */
export function bleuScore(
  predictions: Texts,
  references: References,
  options: BleuOptions = {},
): BleuScore & { readonly signature: string } {
  const signed = signatureOf(bleuMetric, predictions, references, options);
  const settings = resolve(options);
  return { ...bleuFromCounts(sumRows(statistics(predictions, references, options)), settings), signature: signed };
}
