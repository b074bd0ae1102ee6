import { ngramMatches, ngramTotal, wordNgrams } from '../ngrams.js';
import type { WarningOptions } from '../pairs.js';
import {
  type References,
  type Signed,
  type TextMetric,
  type TextStatistics,
  type Texts,
  textRows,
  textScore,
} from '../text-pairs.js';
import { subsequenceLength, unionMatches } from './common-subsequence.js';
import { rougeLines, rougeTokens } from './tokenize.js';

/** Options of `rouge`. */
export interface RougeOptions extends WarningOptions {
  /** Stems words of more than 3 letters by NLTK's variant of Porter's algorithm; false by default, as in rouge_score. */
  readonly stemmer?: boolean;
}

/** Keys of `rouge`. */
export type RougeKey = 'rouge1' | 'rouge2' | 'rougeL' | 'rougeLsum';

/** Precision, recall and their harmonic mean, each 0…1. */
export interface RougeValue {
  readonly precision: number;
  readonly recall: number;
  readonly fmeasure: number;
}

/** A text that ROUGE compares. */
interface RougeText {
  readonly tokens: readonly string[];
  readonly lines: readonly (readonly string[])[];
}

const prepare = (text: string, stemmer: boolean): RougeText => ({
  tokens: rougeTokens(text, stemmer),
  lines: rougeLines(text, stemmer),
});

function value(matches: number, predicted: number, referenced: number): RougeValue {
  const precision = matches / Math.max(predicted, 1);
  const recall = matches / Math.max(referenced, 1);
  const sum = precision + recall;
  return { precision, recall, fmeasure: sum > 0 ? (2 * precision * recall) / sum : 0 };
}

const ngramValue =
  (n: number) =>
  (prediction: RougeText, reference: RougeText): RougeValue => {
    const [own, other] = [wordNgrams(prediction.tokens, n), wordNgrams(reference.tokens, n)];
    return value(ngramMatches(own, other), ngramTotal(own), ngramTotal(other));
  };

const size = (lines: RougeText['lines']): number => lines.reduce((sum, line) => sum + line.length, 0);

const types = {
  rouge1: ngramValue(1),
  rouge2: ngramValue(2),
  rougeL: ({ tokens: own }, { tokens: other }) => value(subsequenceLength(other, own), own.length, other.length),
  rougeLsum: ({ lines: own }, { lines: other }) => value(unionMatches(other, own), size(own), size(other)),
} satisfies Record<RougeKey, (prediction: RougeText, reference: RougeText) => RougeValue>;

const keys = Object.keys(types) as readonly RougeKey[];

/** ROUGE of one text; of several references, for each type the first of those with the highest F-measure (rouge_score's `score_multi`). */
export function rougeScore(
  prediction: string,
  references: readonly string[],
  options: RougeOptions = {},
): Readonly<Record<RougeKey, RougeValue>> {
  const own = prepare(prediction, options.stemmer ?? false);
  const others = references.map((reference) => prepare(reference, options.stemmer ?? false));
  const best = (key: RougeKey): RougeValue =>
    others.map((other) => types[key](own, other)).reduce((most, next) => (next.fmeasure > most.fmeasure ? next : most));
  return { rouge1: best('rouge1'), rouge2: best('rouge2'), rougeL: best('rougeL'), rougeLsum: best('rougeLsum') };
}

function statistics(predictions: Texts, references: References, options: RougeOptions): TextStatistics<RougeKey> {
  const rows = textRows(predictions, references, keys.length + 1, (prediction, list) => {
    const scores = rougeScore(prediction, list, options);
    return [...keys.map((key) => scores[key].fmeasure), 1];
  });
  const count = keys.length;
  const score = (sums: Float64Array) =>
    Object.fromEntries(keys.map((key, i) => [key, sums[i]! / sums[count]!])) as Record<RougeKey, number>;
  return { ...rows, score };
}

/** ROUGE as the statistics module takes it. */
export const rougeMetric: TextMetric<RougeOptions, RougeKey> = {
  name: 'rouge',
  keys,
  statistics,
  fields: (options) => ({ stem: options.stemmer ? 'porter-nltk' : 'no', lsum: 'newline', agg: 'mean' }),
};

/**
 * ROUGE-1, -2, -L and -Lsum: mean over the texts of F = 2 P R / (P + R) of the unigrams, bigrams, longest common subsequence,
 * and its union over lines, in 0…1, higher is better; NaN without texts. Lin, "ROUGE: a package for automatic evaluation of
 * summaries" (2004), as rouge_score 0.1.2 computes it: Lsum's sentences are what newlines separate, of several references the
 * best counts for each type, and the mean is plain (Hugging Face `evaluate` draws it by bootstrap).
 */
export function rouge(predictions: Texts, references: References, options: RougeOptions = {}): Signed<RougeKey> {
  return textScore(rougeMetric, predictions, references, options);
}
