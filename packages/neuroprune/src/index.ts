export { type CallContext, convert, evaluate, prune, pruneAndPublish, publish } from './api.js';
export type { RunContext } from './context.js';
export { type ErrorKind, NeuropruneError } from './error.js';
export type {
  EventOf,
  MetricsEvent,
  NoteEvent,
  OfRun,
  PredictionsEvent,
  ResultEvent,
  ResumableEvent,
  RunEvent,
  StageEvent,
  TokensEvent,
  TrainingRunEvent,
} from './events.js';
export { parseOptions } from './schema/parse.js';
export type { VerbInput, VerbName, VerbOptions } from './schema/verbs.js';
export type { Converted } from './verbs/convert.js';
export type { Evaluated } from './verbs/evaluate.js';
export type { TrainOutcome, TrainPlan } from './verbs/train.js';
export { version } from './version.js';
