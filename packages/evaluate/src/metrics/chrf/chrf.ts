import { EvaluateError } from '../../error.js';
import { characterNgrams, type NgramCounts, ngramMatches, ngramTotal, wordNgrams } from '../ngrams.js';
import type { WarningOptions } from '../pairs.js';
import { splitWords } from '../python-text.js';
import {
  type References,
  type Signed,
  type TextMetric,
  type TextStatistics,
  type Texts,
  textRows,
  textScore,
} from '../text-pairs.js';

/** Options of `chrf`, those of sacreBLEU. */
export interface ChrfOptions extends WarningOptions {
  /** Longest n-gram of characters, 6 by default. */
  readonly charOrder?: number;
  /** Longest n-gram of words, 0 by default; 2 is chrF++. */
  readonly wordOrder?: number;
  /** Weight of recall against precision, 2 by default. */
  readonly beta?: number;
  readonly lowercase?: boolean;
  /** Counts white space among the characters. */
  readonly whitespace?: boolean;
  /** Averages over all orders with an epsilon, as chrF++.py, NLTK and Moses do, instead of over those that both sides have. */
  readonly epsSmoothing?: boolean;
}

const punctuation = new Set('!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~');

/** Words with one mark of punctuation split off the end, else off the start. */
function wordsOf(text: string): string[] {
  return splitWords(text).flatMap((word) => {
    if (word.length === 1) return [word];
    if (punctuation.has(word.at(-1)!)) return [word.slice(0, -1), word.at(-1)!];
    return punctuation.has(word[0]!) ? [word[0]!, word.slice(1)] : [word];
  });
}

function resolve(options: ChrfOptions) {
  const { charOrder = 6, wordOrder = 0, beta = 2, epsSmoothing = false } = options;
  const isOrder = (order: number): boolean => Number.isInteger(order) && order >= 0;
  if (!isOrder(charOrder) || !isOrder(wordOrder) || charOrder + wordOrder === 0) {
    throw new EvaluateError(
      'input',
      `chrf: expected charOrder and wordOrder to be whole numbers, not both 0, got ${charOrder} and ${wordOrder}`,
    );
  }
  return { charOrder, wordOrder, beta, epsSmoothing };
}

const EPSILON = 1e-16;

// [prediction, reference, match] counts of every order to F in 0…100 (sacreBLEU's `_compute_f_score`).
function fScore(counts: ArrayLike<number>, beta: number, epsSmoothing: boolean): number {
  const factor = beta ** 2;
  let [sum, precisions, recalls, orders] = [0, 0, 0, 0];
  for (let i = 0; i < counts.length; i += 3) {
    const [own, other, match] = [counts[i]!, counts[i + 1]!, counts[i + 2]!];
    const precision = own > 0 ? match / own : EPSILON;
    const recall = other > 0 ? match / other : EPSILON;
    const under = factor * precision + recall;
    sum += under > 0 ? ((1 + factor) * precision * recall) / under : EPSILON;
    if (own > 0 && other > 0) {
      precisions += precision;
      recalls += recall;
      orders++;
    }
  }
  if (epsSmoothing) return (100 * sum) / (counts.length / 3);
  if (orders === 0) return 0;
  const [precision, recall] = [precisions / orders, recalls / orders];
  return precision + recall === 0 ? 0 : 100 * (((1 + factor) * precision * recall) / (factor * precision + recall));
}

function statistics(predictions: Texts, references: References, options: ChrfOptions): TextStatistics<'chrf'> {
  const { charOrder, wordOrder, beta, epsSmoothing } = resolve(options);
  const ngrams = (raw: string): NgramCounts[] => {
    const text = options.lowercase ? raw.toLowerCase() : raw;
    const characters = characterNgrams(options.whitespace ? text : splitWords(text).join(''), charOrder);
    const words = wordOrder > 0 ? wordsOf(text) : [];
    return [...characters, ...Array.from({ length: wordOrder }, (_, n) => wordNgrams(words, n + 1))];
  };
  // Predicted n-grams of an order that the reference is too short for do not count.
  const counts = (own: readonly NgramCounts[], other: readonly NgramCounts[]): number[] =>
    own.flatMap((a, i) => {
      const b = other[i]!;
      return [b.size > 0 ? ngramTotal(a) : 0, ngramTotal(b), ngramMatches(a, b)];
    });
  const rows = textRows(predictions, references, 3 * (charOrder + wordOrder), (prediction, list) => {
    const own = ngrams(prediction);
    let [best, most]: [readonly number[], number] = [[], -1];
    for (const reference of list) {
      const row = counts(own, ngrams(reference));
      const score = fScore(row, beta, epsSmoothing);
      if (score > most) [best, most] = [row, score];
    }
    return best;
  });
  return { ...rows, score: (sums) => ({ chrf: fScore(sums, beta, epsSmoothing) }) };
}

/** chrF as the statistics module takes it. */
export const chrfMetric: TextMetric<ChrfOptions, 'chrf'> = {
  name: 'chrf',
  keys: ['chrf'],
  statistics,
  fields: (options) => ({
    case: options.lowercase ? 'lc' : 'mixed',
    eff: !options.epsSmoothing,
    nc: options.charOrder ?? 6,
    nw: options.wordOrder ?? 0,
    space: options.whitespace ?? false,
  }),
};

/**
 * chrF of a corpus, or chrF++ with `wordOrder` 2: (1 + β²) P R / (β² P + R), P and R the mean n-gram precision and recall
 * over the orders, in 0…100, higher is better; NaN without texts. Popović, "chrF: character n-gram F-score" (2015) and
 * "chrF++: words helping character n-grams" (2017), as sacreBLEU 2.6.0 computes it; of several references the best counts.
 */
export function chrf(predictions: Texts, references: References, options: ChrfOptions = {}): Signed<'chrf'> {
  return textScore(chrfMetric, predictions, references, options);
}
