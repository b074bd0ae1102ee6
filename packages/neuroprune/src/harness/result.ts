import type { Latency } from './latency.js';
import type { WritingFacts } from './text-writer.js';

/** A metric's value with the interval that resampled rows give; rates are 0…1. */
export interface Interval {
  readonly low: number;
  readonly high: number;
  readonly standardError: number;
  readonly samples: number;
}

/** How a model differs from the first one on the same rows. */
export interface Paired {
  readonly difference: number;
  /** Of approximate randomization: the share of shuffles as far apart by chance. */
  readonly pValue: number;
}

/** How texts were written, and how many tokens that took. */
export interface Generation extends WritingFacts {
  /** New tokens, those that end texts included. */
  readonly newTokens: number;
}

/** Scores of one model on one task. */
export interface Scored {
  /** As it was asked. */
  readonly model: string;
  readonly task: string;
  /** Version of the task's row; 1 for data sets of one's own. */
  readonly version: number;
  readonly split: string;
  readonly examples: number;
  /** Empty where the rows have no labels. */
  readonly metrics: Readonly<Record<string, number>>;
  /** By the keys of `metrics`, at 95 %. */
  readonly intervals: Readonly<Record<string, Interval>>;
  /** By the keys of `metrics`, against the first model; absent for that one. */
  readonly paired?: Readonly<Record<string, Paired>>;
  /** How each metric was computed, by its name, in sacreBLEU's syntax. */
  readonly signatures: Readonly<Record<string, string>>;
  /** Of tasks whose models write. */
  readonly generation?: Generation;
  /** Of perplexity: tokens of a window and from one to the next, and what a text is. */
  readonly window?: { readonly maxLength: number; readonly stride: number; readonly documents: 'rows' | 'joined' };
  /** Of perplexity: tokens that were predicted. */
  readonly tokens?: number;
  /** Data set, the revision asked, and its commit on the Hub; null for a local folder. */
  readonly dataset: {
    readonly id: string;
    readonly config?: string;
    readonly revision?: string;
    readonly commit: string | null;
  };
  /** The file its predictions were written to. */
  readonly predictions?: string;
}

/** What `evaluate` found: a row a model and task, in the order asked. */
export interface Evaluated {
  /** The first model. */
  readonly model: string;
  readonly models: readonly string[];
  readonly device: string;
  readonly evaluation: readonly Scored[];
  readonly latency?: readonly Latency[];
  /** Files for the leaderboard. */
  readonly submission?: readonly string[];
}
