import type { ScoreEvent, TokenCacheEvent } from '@neuroprune/evaluate';
import type { HubEvent } from '@neuroprune/hub';
import type { TrainRunEvent } from '@neuroprune/prune';
import type { LogEvent } from '@neuroprune/report';

/** Which training of a run an event is of, where it is not that of the method. */
export interface OfRun {
  readonly run?: 'baseline';
}

/** A stage begins; in the log, it held, and took so many seconds. */
export interface StageEvent {
  readonly type: 'stage';
  readonly stage: string;
  /** What it is about. */
  readonly detail?: string;
  readonly seconds?: number;
}

/** Something worth telling that is as it should be. */
export interface NoteEvent {
  readonly type: 'note';
  readonly message: string;
}

/** The device that was settled on where the caller named none. */
export interface DeviceEvent {
  readonly type: 'device';
  readonly device: string;
  /** In words. */
  readonly why: string;
}

/** How many batches make a step, where that was left to the memory there is. */
export interface AccumulateEvent {
  readonly type: 'accumulate';
  /** Batches of a step, and the rows of each. */
  readonly accumulate: number;
  readonly rows: number;
  /** Tokens of the longest row. */
  readonly length: number;
  readonly device: string;
  /** Rows for which there was no room. */
  readonly tooMany: readonly number[];
}

/** Metrics of a trained model on a split. */
export interface MetricsEvent extends OfRun {
  readonly type: 'metrics';
  /** Steps it has behind it. */
  readonly step: number;
  readonly task: string;
  readonly split: string;
  readonly examples: number;
  readonly metrics: Readonly<Record<string, number>>;
}

/** The predictions of a model on a split were made before. */
export interface PredictionsEvent {
  readonly type: 'predictions';
  readonly task: string;
  readonly split: string;
  readonly cache: 'hit';
}

/** A run that ends before its time can go on. */
export interface ResumableEvent {
  readonly type: 'resumable';
  /** Its folder as asked for. */
  readonly run: string;
}

/** What a verb comes to. */
export interface ResultEvent {
  readonly type: 'result';
  readonly result: unknown;
}

/** An event of a training, and which of a run's it is. */
export type TrainingRunEvent = TrainRunEvent & OfRun;

/** The rows of which split tokens are of. */
export type TokensEvent = TokenCacheEvent & { readonly split: string };

/** All that happens in a run, as plain JSON told apart by `type`; each package defines its own. */
export type RunEvent =
  | TrainingRunEvent
  | ScoreEvent
  | TokensEvent
  | HubEvent
  | StageEvent
  | NoteEvent
  | DeviceEvent
  | AccumulateEvent
  | MetricsEvent
  | PredictionsEvent
  | ResumableEvent
  | ResultEvent;

/** The event of a type. */
export type EventOf<T extends RunEvent['type']> = Extract<RunEvent, { readonly type: T }>;

/**
 * Whether an event goes to `events.ndjson` as it comes. Stages go there when they hold, with their seconds; counts of
 * bytes and rows are for whoever watches.
 */
const isLogged = {
  train: true,
  checkpoint: true,
  resume: true,
  skip: true,
  lossScale: true,
  score: true,
  earlyStop: true,
  metrics: true,
  warning: true,
  note: true,
  device: true,
  accumulate: true,
  stage: false,
  evaluate: false,
  tokens: false,
  predictions: false,
  snapshot: false,
  download: false,
  push: false,
  upload: false,
  resumable: false,
  result: false,
} as const satisfies Record<RunEvent['type'], boolean>;

type Logged = { [T in RunEvent['type']]: (typeof isLogged)[T] extends true ? T : never }[RunEvent['type']];

const isOfLog = (event: RunEvent): event is EventOf<Logged> => isLogged[event.type];

/** The event as a line of the log; undefined for one that does not go there. */
export const logged = (event: RunEvent): LogEvent | undefined => (isOfLog(event) ? event : undefined);
