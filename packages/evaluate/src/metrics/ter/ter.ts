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
import { wordNumbers } from '../word-numbers.js';
import { editsWithShifts } from './shifts.js';
import { type TerTokenOptions, terWords } from './tokenize.js';

/** Options of `ter`, those of sacreBLEU. */
export interface TerOptions extends TerTokenOptions, WarningOptions {}

function rate(edits: number, length: number): number {
  if (length > 0) return (100 * edits) / length;
  return edits > 0 ? 100 : 0;
}

function statistics(predictions: Texts, references: References, options: TerOptions): TextStatistics<'ter'> {
  const rows = textRows(predictions, references, 2, (prediction, list) => {
    const numbers = wordNumbers();
    const own = numbers(terWords(prediction, options));
    // sacreBLEU tokenizes references twice, which splits some marks further.
    const others = list.map((text) => numbers(terWords(terWords(text, options).join(' '), options)));
    const edits = Math.min(...others.map((other) => editsWithShifts(own, other)));
    return [edits, others.reduce((sum, other) => sum + other.length, 0) / others.length];
  });
  return { ...rows, score: (sums) => ({ ter: rate(sums[0]!, sums[1]!) }) };
}

/** TER as the statistics module takes it. */
export const terMetric: TextMetric<TerOptions, 'ter'> = {
  name: 'ter',
  keys: ['ter'],
  statistics,
  fields: (options) => ({
    case: options.caseSensitive ? 'mixed' : 'lc',
    tok: 'tercom',
    norm: options.normalized ?? false,
    punct: !options.noPunct,
    asian: options.asianSupport ?? false,
  }),
};

/**
 * Translation edit rate of a corpus, 100 · edits / words of the reference, edits being insertions, deletions, replacements
 * and shifts of runs of words; 0 or more, lower is better; 100 for text against empty references, NaN without texts. Snover et
 * al., "A study of translation edit rate with targeted human annotation" (2006), as sacreBLEU 2.6.0 computes it: of several
 * references the fewest edits, over their mean length.
 */
export function ter(predictions: Texts, references: References, options: TerOptions = {}): Signed<'ter'> {
  return textScore(terMetric, predictions, references, options);
}
