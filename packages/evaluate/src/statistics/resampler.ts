import { bleuMetric } from '../metrics/bleu/bleu.js';
import { chrfMetric } from '../metrics/chrf/chrf.js';
import { exactMatchMetric } from '../metrics/exact-match.js';
import { labelMetrics, type MetricName, metrics, type TextMetricName } from '../metrics/metrics.js';
import { pairCount, type Values, weightOf } from '../metrics/pairs.js';
import { rougeMetric } from '../metrics/rouge/rouge.js';
import { terMetric } from '../metrics/ter/ter.js';
import { type References, referenceCount, signatureOf, type TextMetric, type Texts } from '../metrics/text-pairs.js';

/** Name of a metric that can be resampled: all of them. */
export type ResampledMetric = MetricName | TextMetricName | 'perplexity';

/** The options of a metric by its name. */
export type OptionsOf<Name extends ResampledMetric> = NonNullable<Parameters<(typeof metrics)[Name]>[2]>;

/** The predictions and references that a metric takes. */
export type PairsOf<Name extends ResampledMetric> = Name extends TextMetricName
  ? readonly [predictions: Texts, references: References]
  : readonly [predictions: Values, references: Values];

/** A metric on any choice of its examples, by their positions, each as often as it is named. */
export interface Resampler {
  readonly size: number;
  readonly score: (positions: Int32Array) => Readonly<Record<string, number>>;
  /** The metric's signature with the fields of a test, for metrics that have one. */
  readonly signature?: (test: Readonly<Record<string, string | number>>) => string;
}

/** Text metrics with their options forgotten, which `resampler` has checked. */
const textTable = {
  bleu: bleuMetric,
  chrf: chrfMetric,
  exactMatch: exactMatchMetric,
  rouge: rougeMetric,
  ter: terMetric,
} satisfies Record<TextMetricName, TextMetric<never, string>>;

const isText = (name: ResampledMetric): name is TextMetricName => Object.hasOwn(textTable, name);

const pick = (values: Values, positions: Int32Array): Float64Array => {
  const picked = new Float64Array(positions.length);
  for (let i = 0; i < picked.length; i++) picked[i] = values[positions[i]!]!;
  return picked;
};

function textResampler(name: TextMetricName, predictions: Texts, references: References, options: object): Resampler {
  const metric = textTable[name] as TextMetric<object, string>;
  referenceCount(name, predictions, references);
  const { count, width, rows, score } = metric.statistics(predictions, references, options);
  return {
    size: count,
    score: (positions) => {
      if (positions.length === 0) return Object.fromEntries(metric.keys.map((key) => [key, Number.NaN]));
      const sums = new Float64Array(width);
      for (let i = 0; i < positions.length; i++) {
        const start = positions[i]! * width;
        for (let j = 0; j < width; j++) sums[j]! += rows[start + j]!;
      }
      return score(sums);
    },
    signature: (test) => signatureOf(metric, predictions, references, options, test),
  };
}

type LabelFunction = (predictions: Values, references: Values, options: object) => Readonly<Record<string, number>>;

function labelResampler(
  name: MetricName | 'perplexity',
  predictions: Values,
  references: Values,
  options: { readonly sampleWeight?: Values },
): Resampler {
  const metric = (name === 'perplexity' ? metrics.perplexity : labelMetrics[name]) as LabelFunction;
  const size = pairCount(name, predictions, references);
  const { sampleWeight } = options;
  if (sampleWeight) weightOf(name, size, sampleWeight);
  return {
    size,
    score: (positions) => {
      const weights = sampleWeight && { sampleWeight: pick(sampleWeight, positions) };
      return metric(pick(predictions, positions), pick(references, positions), { ...options, ...weights });
    },
  };
}

/**
 * Prepares a metric for resampling. Texts are read once: BLEU, chrF, TER, ROUGE and exact match add up statistics of single
 * texts, so that a corpus score is computed anew from sums; other metrics run on the examples chosen.
 */
export function resampler<Name extends ResampledMetric>(
  name: Name,
  [predictions, references]: PairsOf<Name>,
  options: OptionsOf<Name> = {} as OptionsOf<Name>,
): Resampler {
  // Nobody wants a warning or a p-value for each of a thousand resamples.
  const { onWarning: _, pValue: __, ...quiet } = options as { readonly onWarning?: unknown; readonly pValue?: unknown };
  return isText(name)
    ? textResampler(name, predictions as Texts, references as References, quiet)
    : labelResampler(name as MetricName, predictions as Values, references as Values, quiet);
}
