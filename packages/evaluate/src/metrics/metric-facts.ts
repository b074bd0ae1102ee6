import type { MetricKey, metrics, TextMetricKey } from './metrics.js';

/** What is known of a metric without running it. */
export interface MetricFacts {
  /** What it compares: class indices, numbers, texts, or likelihoods with token counts. */
  readonly kind: 'classes' | 'scores' | 'texts' | 'likelihoods';
  /** The keys of its values. */
  readonly keys: readonly [MetricKey | TextMetricKey | 'perplexity', ...(MetricKey | TextMetricKey)[]];
  readonly low: number;
  readonly high: number;
  readonly direction: 'higher' | 'lower';
  /** Raised whenever the same input gives other values, so that results of different versions are not compared. */
  readonly version: number;
  /** The implementation whose values these are. */
  readonly reference: string;
}

const rate = { low: 0, high: 1, direction: 'higher', version: 1 } as const;
const correlation = { low: -1, high: 1, direction: 'higher', version: 1 } as const;
const percent = { low: 0, high: 100, direction: 'higher', version: 1 } as const;

/** Facts of every metric, by its name in `metrics`. */
export const metricFacts = {
  accuracy: { kind: 'classes', keys: ['accuracy'], ...rate, reference: 'scikit-learn 1.9.1 accuracy_score' },
  f1: { kind: 'classes', keys: ['f1'], ...rate, reference: 'scikit-learn 1.9.1 f1_score' },
  precision: { kind: 'classes', keys: ['precision'], ...rate, reference: 'scikit-learn 1.9.1 precision_score' },
  recall: { kind: 'classes', keys: ['recall'], ...rate, reference: 'scikit-learn 1.9.1 recall_score' },
  matthewsCorrelation: {
    kind: 'classes',
    keys: ['matthews_correlation'],
    ...correlation,
    reference: 'scikit-learn 1.9.1 matthews_corrcoef',
  },
  pearson: { kind: 'scores', keys: ['pearson'], ...correlation, reference: 'scipy 1.17.1 pearsonr' },
  spearman: { kind: 'scores', keys: ['spearmanr'], ...correlation, reference: 'scipy 1.17.1 spearmanr' },
  exactMatch: { kind: 'texts', keys: ['exact_match'], ...rate, reference: 'evaluate 0.4.6 exact_match' },
  rouge: {
    kind: 'texts',
    keys: ['rouge1', 'rouge2', 'rougeL', 'rougeLsum'],
    ...rate,
    reference: 'rouge_score 0.1.2, nltk 3.10.4',
  },
  bleu: { kind: 'texts', keys: ['bleu'], ...percent, reference: 'sacreBLEU 2.6.0 BLEU' },
  chrf: { kind: 'texts', keys: ['chrf'], ...percent, reference: 'sacreBLEU 2.6.0 CHRF' },
  ter: {
    kind: 'texts',
    keys: ['ter'],
    low: 0,
    high: Number.POSITIVE_INFINITY,
    direction: 'lower',
    version: 1,
    reference: 'sacreBLEU 2.6.0 TER',
  },
  perplexity: {
    kind: 'likelihoods',
    keys: ['perplexity'],
    low: 1,
    high: Number.POSITIVE_INFINITY,
    direction: 'lower',
    version: 1,
    reference: 'exp of the mean negative log-likelihood',
  },
} as const satisfies Record<keyof typeof metrics, MetricFacts>;
