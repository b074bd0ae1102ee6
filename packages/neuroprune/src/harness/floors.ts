import { NeuropruneError } from '../error.js';
import type { Scored } from './result.js';

/** A value that a metric may not pass. */
interface Bound {
  readonly text: string;
  readonly task?: string;
  readonly metric: string;
  readonly value: number;
}

function boundOf(text: string): Bound {
  const [name = '', value] = text.split('=');
  const dot = name.lastIndexOf('.');
  const task = dot < 0 ? {} : { task: name.slice(0, dot) };
  return { text, ...task, metric: name.slice(dot + 1), value: Number(value) };
}

/** Which side of its bound a metric must be on. */
const sides = {
  failBelow: { flag: '--fail-below', word: 'at least', holds: (value: number, bound: number) => value >= bound },
  failAbove: { flag: '--fail-above', word: 'at most', holds: (value: number, bound: number) => value <= bound },
} as const;

/** A task and the metrics it is scored by. */
type Row = Pick<Scored, 'task'> & { readonly metrics: Readonly<Record<string, unknown>> };

/** The rows that a bound holds for. Throws an input error where there is none. */
function boundRows<T extends Row>({ text, task, metric }: Bound, flag: string, rows: readonly T[]): readonly T[] {
  const met = rows.filter((row) => (task === undefined || row.task === task) && metric in row.metrics);
  if (met.length > 0) return met;
  const there = new Set(rows.flatMap((row) => Object.keys(row.metrics).map((key) => `${row.task}.${key}`)));
  throw new NeuropruneError(
    'input',
    `${flag} ${text}: expected a metric that is scored, got none of that name; there are ${[...there].join(', ') || 'none'}`,
  );
}

/** Refuses a bound that holds for nothing of what is going to be scored; throws an input error. */
export function checkBounds(side: keyof typeof sides, bounds: readonly string[], rows: readonly Row[]): void {
  for (const bound of bounds.map(boundOf)) boundRows(bound, sides[side].flag, rows);
}

/** What is beyond its bound, a line each; a value that is not a number is beyond any. Throws an input error for a bound that holds for nothing. */
export function beyondBounds(side: keyof typeof sides, bounds: readonly string[], scored: readonly Scored[]): string[] {
  const { flag, word, holds } = sides[side];
  return bounds.map(boundOf).flatMap((bound) => {
    const { metric, value } = bound;
    return boundRows(bound, flag, scored)
      .filter((row) => !holds(row.metrics[metric]!, value))
      .map(
        (row) =>
          `${row.model} on ${row.task}: expected ${metric} of ${word} ${value}, got ${shown(row.metrics[metric]!)}`,
      );
  });
}

const shown = (value: number): string => String(Number(value.toPrecision(6)));
