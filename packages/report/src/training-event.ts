import { z } from 'zod';
import { isLogEvent, type LogEventType, parseLines } from './log-event.js';

const value = z.union([z.number(), z.null().transform(() => Number.NaN)]);

/** One step of `events.ndjson` as far as curves need it; early files have no `type`. */
export const TrainingEvent = z.object({
  type: z.literal('train').optional(),
  step: z.int().nonnegative(),
  loss: value,
  /** Penalty terms by name, where the solver has any. */
  penalties: z.record(z.string(), value).optional(),
  lr: z.number().optional(),
  /** Share of exact zeros in the prunable matrices. */
  sparsity: z.number().optional(),
  /** Heads that still do something, in the whole model. */
  heads: z.int().optional(),
  examplesPerSecond: z.number().optional(),
  /** The dense training beside that of the method; absent for the method's. */
  run: z.literal('baseline').optional(),
});
export type TrainingEvent = z.output<typeof TrainingEvent>;

/** Which events curves are drawn from. */
const isCurve = {
  train: true,
  checkpoint: false,
  resume: false,
  skip: false,
  lossScale: false,
  score: false,
  earlyStop: false,
  metrics: false,
  stage: false,
  warning: false,
  note: false,
  device: false,
  accumulate: false,
} as const satisfies Record<LogEventType, boolean>;

/**
 * The steps of the method's training in the text of an `events.ndjson`; other events, and those of the dense training
 * beside it, are left out. A last line cut short by an interruption is left out; any other line that is no JSON is an
 * error. `parseLog` reads all events.
 */
export function parseEvents(text: string, where = 'events.ndjson'): TrainingEvent[] {
  return parseLines(text, where).flatMap(({ json }) => {
    if (isLogEvent(json) && !isCurve[json.type]) return [];
    const event = TrainingEvent.safeParse(json);
    return event.success && event.data.run === undefined ? [event.data] : [];
  });
}
