import { z } from 'zod';
import { ReportError } from './errors.js';

const value = z.union([z.number(), z.null().transform(() => Number.NaN)]);

/** One step of `events.ndjson`; other events of the file have no `step` and `loss` and are left out. */
export const TrainingEvent = z.object({
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
});
export type TrainingEvent = z.output<typeof TrainingEvent>;

/** Reads the text of an `events.ndjson`. A last line cut short by an interruption is left out; any other line that is
 * no JSON is an error. */
export function parseEvents(text: string, where = 'events.ndjson'): TrainingEvent[] {
  const lines = text.split('\n');
  return lines.flatMap((line, i) => {
    if (line.trim() === '') return [];
    let json: unknown;
    try {
      json = JSON.parse(line);
    } catch (cause) {
      if (i === lines.length - 1) return [];
      throw new ReportError(
        `${where}: expected one JSON document a line, got something else (line ${i + 1})`,
        'input',
        {
          cause,
        },
      );
    }
    const event = TrainingEvent.safeParse(json);
    return event.success ? [event.data] : [];
  });
}
