import { accuracy } from './accuracy.js';
import { f1 } from './f1.js';
import { matthewsCorrelation } from './matthews-correlation.js';
import type { Values } from './pairs.js';
import { pearson } from './pearson.js';
import { spearman } from './spearman.js';

/** `(predictions, references) → values under the keys of Hugging Face evaluate`, on class indices or scores. */
export type Metric = (predictions: Values, references: Values) => Readonly<Record<string, number>>;

/** All metrics by name; pure functions, NaN where the reference library gives no finite number. */
export const metrics = { accuracy, f1, matthewsCorrelation, pearson, spearman } satisfies Record<string, Metric>;

/** Name of a metric in `metrics`. */
export type MetricName = keyof typeof metrics;

type KeysOf<T> = T extends unknown ? keyof T : never;

/** Key under which some metric returns a value. */
export type MetricKey = KeysOf<ReturnType<(typeof metrics)[MetricName]>>;
