import { EvaluateError } from '../error.js';
import { pairCount, type WarningOptions } from './pairs.js';
import { signature } from './signature.js';

/** Predicted texts. */
export type Texts = readonly string[];

/** The references of each predicted text, one or more. */
export type References = readonly (readonly string[])[];

/** A metric's value under its key, and the signature that says how it was computed. */
export type Signed<Key extends string> = Readonly<Record<Key, number>> & { readonly signature: string };

/**
 * Statistics of every text that add up: `rows` holds `width` numbers a text, `score` makes the values of the metric from
 * sums over some texts. Resampling adds rows anew instead of reading texts again.
 */
export interface TextStatistics<Key extends string = string> {
  readonly count: number;
  readonly width: number;
  readonly rows: Float64Array;
  readonly score: (sums: Float64Array) => Readonly<Record<Key, number>>;
}

/** Refuses predictions without reference; returns how many references each has, `var` where that differs. */
export function referenceCount(metric: string, predictions: Texts, references: References): number | 'var' {
  pairCount(metric, predictions, references);
  for (const [i, list] of references.entries()) {
    if (!Array.isArray(list) || list.length === 0 || !list.every((text) => typeof text === 'string')) {
      throw new EvaluateError(
        'input',
        `${metric}: expected a list of references for prediction ${i}, got ${JSON.stringify(list) ?? 'none'}; pass [['first', 'second'], …]`,
      );
    }
  }
  const counts = new Set(references.map((list) => list.length));
  return counts.size > 1 ? 'var' : ([...counts][0] ?? 1);
}

/** Fills the statistics of every text. */
export function textRows(
  predictions: Texts,
  references: References,
  width: number,
  statistics: (prediction: string, references: readonly string[]) => ArrayLike<number>,
): Pick<TextStatistics, 'count' | 'width' | 'rows'> {
  const rows = new Float64Array(predictions.length * width);
  for (const [i, prediction] of predictions.entries()) rows.set(statistics(prediction, references[i]!), i * width);
  return { count: predictions.length, width, rows };
}

/** Sums of the statistics over all texts, in order. */
export function sumRows({ count, width, rows }: Pick<TextStatistics, 'count' | 'width' | 'rows'>): Float64Array {
  const sums = new Float64Array(width);
  for (let i = 0; i < count; i++) for (let j = 0; j < width; j++) sums[j]! += rows[i * width + j]!;
  return sums;
}

/** What a text metric needs: its statistics, and the fields of its signature after the number of references. */
export interface TextMetric<Options, Key extends string> {
  readonly name: string;
  readonly keys: readonly Key[];
  readonly statistics: (predictions: Texts, references: References, options: Options) => TextStatistics<Key>;
  readonly fields: (options: Options) => Readonly<Record<string, string | number | boolean>>;
}

/** The signature of a text metric on these references. */
export function signatureOf<Options, Key extends string>(
  metric: TextMetric<Options, Key>,
  predictions: Texts,
  references: References,
  options: Options,
  test: Readonly<Record<string, string | number>> = {},
): string {
  return signature({ nrefs: referenceCount(metric.name, predictions, references), ...test, ...metric.fields(options) });
}

/** The values of a text metric over all texts, with its signature; NaN without texts. */
export function textScore<Options extends WarningOptions, Key extends string>(
  metric: TextMetric<Options, Key>,
  predictions: Texts,
  references: References,
  options: Options,
): Signed<Key> {
  const signed = signatureOf(metric, predictions, references, options);
  const statistics = metric.statistics(predictions, references, options);
  if (statistics.count === 0) {
    options.onWarning?.(`${metric.name}: not defined without examples; it is NaN`);
    const nan = Object.fromEntries(metric.keys.map((key) => [key, Number.NaN])) as Record<Key, number>;
    return { ...nan, signature: signed };
  }
  return { ...statistics.score(sumRows(statistics)), signature: signed };
}
