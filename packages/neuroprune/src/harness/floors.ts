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

/** What is beyond its bound, a line each; a value that is not a number is beyond any. Throws an input error for a bound that holds for nothing. */
export function beyondBounds(side: keyof typeof sides, bounds: readonly string[], scored: readonly Scored[]): string[] {
  const { flag, word, holds } = sides[side];
  return bounds.map(boundOf).flatMap(({ text, task, metric, value }) => {
    const met = scored.filter((row) => (task === undefined || row.task === task) && metric in row.metrics);
    if (met.length === 0) {
      const there = [...new Set(scored.flatMap((row) => Object.keys(row.metrics).map((key) => `${row.task}.${key}`)))];
      throw new NeuropruneError(
        'input',
        `${flag} ${text}: expected a metric that was scored, got none of that name; there are ${there.join(', ') || 'none'}`,
      );
    }
    return met
      .filter((row) => !holds(row.metrics[metric]!, value))
      .map(
        (row) =>
          `${row.model} on ${row.task}: expected ${metric} of ${word} ${value}, got ${shown(row.metrics[metric]!)}`,
      );
  });
}

const shown = (value: number): string => String(Number(value.toPrecision(6)));
