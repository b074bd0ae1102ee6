import { accuracy } from './accuracy.js';
import { bleu } from './bleu/bleu.js';
import { chrf } from './chrf/chrf.js';
import { exactMatch } from './exact-match.js';
import { f1 } from './f1.js';
import { matthewsCorrelation } from './matthews-correlation.js';
import type { Values } from './pairs.js';
import { pearson } from './pearson.js';
import { perplexity } from './perplexity.js';
import { precision } from './precision.js';
import { recall } from './recall.js';
import { rouge } from './rouge/rouge.js';
import { spearman } from './spearman.js';
import { ter } from './ter/ter.js';
import type { References, Texts } from './text-pairs.js';

/** `(predictions, references) → values under the keys of Hugging Face evaluate`, on class indices or scores. */
export type Metric = (predictions: Values, references: Values) => Readonly<Record<string, number | undefined>>;

/** `(texts, references of each) → values under the keys of Hugging Face evaluate, and a signature`. */
export type TextMetricFunction = (
  predictions: Texts,
  references: References,
) => Readonly<Record<string, number | string>> & { readonly signature: string };

/** The metrics of class indices and scores, which classification and regression tasks name. */
export const labelMetrics = {
  accuracy,
  f1,
  matthewsCorrelation,
  pearson,
  precision,
  recall,
  spearman,
} satisfies Record<string, Metric>;

/** The metrics of texts, which tasks that generate name. */
export const textMetrics = { bleu, chrf, exactMatch, rouge, ter } satisfies Record<string, TextMetricFunction>;

/** All metrics by name; pure functions, NaN where the reference library gives no finite number, which `onWarning` is told. */
export const metrics = { ...labelMetrics, ...textMetrics, perplexity };

/** Name of a metric of class indices or scores. */
export type MetricName = keyof typeof labelMetrics;

/** Name of a metric of texts. */
export type TextMetricName = keyof typeof textMetrics;

type KeysOf<T> = T extends unknown ? keyof T : never;

/** Key under which some metric of class indices or scores returns its value. */
export type MetricKey = Exclude<KeysOf<ReturnType<(typeof labelMetrics)[MetricName]>>, 'p-value'>;

/** Key under which some metric of texts returns a value. */
export type TextMetricKey = Exclude<KeysOf<ReturnType<(typeof textMetrics)[TextMetricName]>>, 'signature'>;
