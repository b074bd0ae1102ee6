import type { WarningOptions } from './pairs.js';
import {
  type References,
  type Signed,
  type TextMetric,
  type TextStatistics,
  type Texts,
  textRows,
  textScore,
} from './text-pairs.js';

/** Options of `exactMatch`, those of Hugging Face `evaluate`; they act in this order. */
export interface ExactMatchOptions extends WarningOptions {
  /** What is taken out of both sides first, every occurrence, one after the other; in a string `\d` is any decimal digit, as in Python. */
  readonly regexesToIgnore?: readonly (string | RegExp)[];
  readonly ignoreCase?: boolean;
  /** Takes out ASCII's punctuation. */
  readonly ignorePunctuation?: boolean;
  /** Takes out the digits 0 to 9. */
  readonly ignoreNumbers?: boolean;
}

const punctuation = /[!-/:-@[-`{-~]/g;

// Python's digits are those of all scripts.
const pythonDigits: Readonly<Record<string, string>> = { d: '\\p{Nd}', D: '\\P{Nd}' };
const withPythonDigits = (regex: string): string =>
  regex.replace(/\\(.)/gs, (found, letter) => pythonDigits[letter] ?? found);

function normalizer(options: ExactMatchOptions): (text: string) => string {
  const ignored = (options.regexesToIgnore ?? []).map((regex) =>
    typeof regex === 'string'
      ? new RegExp(withPythonDigits(regex), 'gu')
      : new RegExp(regex, `${regex.flags.replace(/[gy]/g, '')}g`),
  );
  return (raw) => {
    let text = ignored.reduce((rest, regex) => rest.replace(regex, ''), raw);
    if (options.ignoreCase) text = text.toLowerCase();
    if (options.ignorePunctuation) text = text.replace(punctuation, '');
    return options.ignoreNumbers ? text.replace(/[0-9]/g, '') : text;
  };
}

function statistics(
  predictions: Texts,
  references: References,
  options: ExactMatchOptions,
): TextStatistics<'exact_match'> {
  const normal = normalizer(options);
  const rows = textRows(predictions, references, 2, (prediction, list) => {
    const own = normal(prediction);
    return [list.some((reference) => normal(reference) === own) ? 1 : 0, 1];
  });
  return { ...rows, score: (sums) => ({ exact_match: sums[0]! / sums[1]! }) };
}

/** Exact match as the statistics module takes it. */
export const exactMatchMetric: TextMetric<ExactMatchOptions, 'exact_match'> = {
  name: 'exactMatch',
  keys: ['exact_match'],
  statistics,
  fields: (options) => ({
    regexes: options.regexesToIgnore?.length ?? 0,
    case: options.ignoreCase ? 'lc' : 'mixed',
    punct: !options.ignorePunctuation,
    numbers: !options.ignoreNumbers,
  }),
};

/**
 * Share of the predictions that equal a reference of theirs, in 0…1, higher is better; NaN without texts. Source: Hugging
 * Face `evaluate` 0.4.6 `exact_match`, which takes one reference each; of several, any may match.
 */
export function exactMatch(
  predictions: Texts,
  references: References,
  options: ExactMatchOptions = {},
): Signed<'exact_match'> {
  return textScore(exactMatchMetric, predictions, references, options);
}
