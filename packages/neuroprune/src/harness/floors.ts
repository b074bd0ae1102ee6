import { NeuropruneError } from '../error.js';
import type { Scored } from './result.js';

/** A value below which a metric fails. */
interface Floor {
  readonly text: string;
  readonly task?: string;
  readonly metric: string;
  readonly value: number;
}

function floorOf(text: string): Floor {
  const [name = '', value] = text.split('=');
  const dot = name.lastIndexOf('.');
  const task = dot < 0 ? {} : { task: name.slice(0, dot) };
  return { text, ...task, metric: name.slice(dot + 1), value: Number(value) };
}

/** What is under its floor, a line each; a value that is not a number is under any. Throws an input error for a floor that holds for nothing. */
export function underFloors(floors: readonly string[], scored: readonly Scored[]): string[] {
  return floors.map(floorOf).flatMap(({ text, task, metric, value }) => {
    const met = scored.filter((row) => (task === undefined || row.task === task) && metric in row.metrics);
    if (met.length === 0) {
      const there = [...new Set(scored.flatMap((row) => Object.keys(row.metrics).map((key) => `${row.task}.${key}`)))];
      throw new NeuropruneError(
        'input',
        `--fail-below ${text}: expected a metric that was scored, got none of that name; there are ${there.join(', ') || 'none'}`,
      );
    }
    return met
      .filter((row) => !(row.metrics[metric]! >= value))
      .map(
        (row) =>
          `${row.model} on ${row.task}: expected ${metric} of at least ${value}, got ${shown(row.metrics[metric]!)}`,
      );
  });
}

const shown = (value: number): string => String(Number(value.toPrecision(6)));
