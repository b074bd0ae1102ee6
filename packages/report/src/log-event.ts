import { z } from 'zod';
import { ReportError } from './errors.js';

/** JSON has no NaN and no infinities; null stands for them. */
const value = z.union([z.number(), z.nan(), z.literal([Infinity, -Infinity]), z.null().transform(() => Number.NaN)]);
const step = z.int().nonnegative();
const values = z.record(z.string(), value).readonly();

/** What every line may have beside its own: which training it is of, the method's where it is not said, and when it was written. */
const common = {
  run: z.literal('baseline').optional(),
  /** Seconds since 1970. */
  time: z.number().optional(),
};

/** The lines of `events.ndjson` by their type. */
export const logEvents = {
  /** The state of a training after some steps; means over them. */
  train: z.object({
    type: z.literal('train'),
    step,
    steps: step,
    epoch: z.number(),
    loss: value,
    /** Penalty terms by name, where the solver has any. */
    penalties: values,
    lr: z.number(),
    /** Share of exact zeros in the prunable matrices. */
    sparsity: z.number(),
    /** Heads that still do something, in the whole model. */
    heads: z.int(),
    gradNorm: value.optional(),
    examplesPerSecond: value,
    ...common,
  }),
  /** A checkpoint that the disk has. */
  checkpoint: z.object({ type: z.literal('checkpoint'), step, ...common }),
  /** The training went on after the step of a checkpoint. */
  resume: z.object({ type: z.literal('resume'), step, steps: step, ...common }),
  /** A step whose loss or gradient was not finite, so that it left the weights as they were. */
  skip: z.object({
    type: z.literal('skip'),
    step,
    rows: z.array(z.int()).readonly().optional(),
    loss: value,
    gradNorm: value.optional(),
    inARow: z.int(),
    ...common,
  }),
  /** The scale of the loss in half precision from a step on. */
  lossScale: z.object({ type: z.literal('lossScale'), step, scale: value, before: value, ...common }),
  /** A score of the weights during the training, by which the best are kept; it counts once the targets are reached. */
  score: z.object({
    type: z.literal('score'),
    step,
    score: value,
    counts: z.boolean(),
    best: z.boolean(),
    ...common,
  }),
  /** The training ended before its last step, for its scores had not got better since the step of the best. */
  earlyStop: z.object({ type: z.literal('earlyStop'), step, best: step.optional(), ...common }),
  /** Metrics of a trained model on a split, and the steps that it has behind it. */
  metrics: z.object({
    type: z.literal('metrics'),
    step,
    task: z.string(),
    split: z.string(),
    examples: z.int(),
    metrics: values,
    ...common,
  }),
  /** A stage that held. */
  stage: z.object({
    type: z.literal('stage'),
    stage: z.string(),
    detail: z.string().optional(),
    seconds: z.number().optional(),
    ...common,
  }),
  warning: z.object({ type: z.literal('warning'), message: z.string(), ...common }),
  note: z.object({ type: z.literal('note'), message: z.string(), ...common }),
  /** The device that was settled on where nobody named one. */
  device: z.object({ type: z.literal('device'), device: z.string(), why: z.string(), ...common }),
  /** How many batches of how many rows make a step, where that was left to the memory there is. */
  accumulate: z.object({
    type: z.literal('accumulate'),
    accumulate: z.int(),
    rows: z.int(),
    length: z.int(),
    device: z.string(),
    tooMany: z.array(z.int()).readonly(),
    ...common,
  }),
} as const;

/** Type of a line of `events.ndjson`. */
export type LogEventType = keyof typeof logEvents;

type Lines = { readonly [T in LogEventType]: z.output<(typeof logEvents)[T]> };

/** One line of `events.ndjson`, told apart by `type`. */
export const LogEvent = z.discriminatedUnion('type', [
  logEvents.train,
  logEvents.checkpoint,
  logEvents.resume,
  logEvents.skip,
  logEvents.lossScale,
  logEvents.score,
  logEvents.earlyStop,
  logEvents.metrics,
  logEvents.stage,
  logEvents.warning,
  logEvents.note,
  logEvents.device,
  logEvents.accumulate,
]);
export type LogEvent = Lines[LogEventType];

/** Whether a JSON value is an event of a type that this version knows. */
export const isLogEvent = (json: unknown): json is { readonly type: LogEventType } =>
  typeof json === 'object' && json !== null && 'type' in json && Object.hasOwn(logEvents, String(json.type));

/**
 * Reads the text of an `events.ndjson`. Events of types that came later are left out, and so is a last line cut short by
 * an interruption. Throws an input error that names any other line that is none.
 */
export function parseLog(text: string, where = 'events.ndjson'): LogEvent[] {
  return parseLines(text, where).flatMap(({ json, number }) => {
    if (!isLogEvent(json)) return [];
    const event = LogEvent.safeParse(json);
    if (event.success) return [event.data];
    const [issue] = event.error.issues;
    throw new ReportError(
      `${where}: expected an event '${json.type}', got one whose ${issue?.path.join('.')} does not fit (line ${number})`,
      'input',
      { cause: event.error },
    );
  });
}

/** The JSON documents of a text, with the number of their line from 1. */
export function parseLines(text: string, where: string): { readonly json: unknown; readonly number: number }[] {
  const lines = text.split('\n');
  return lines.flatMap((line, i) => {
    if (line.trim() === '') return [];
    try {
      return [{ json: JSON.parse(line) as unknown, number: i + 1 }];
    } catch (cause) {
      if (i === lines.length - 1) return [];
      throw new ReportError(
        `${where}: expected one JSON document a line, got something else (line ${i + 1})`,
        'input',
        { cause },
      );
    }
  });
}
