import type { EncodedRow } from './encode.js';

/** What is in some encoded rows. */
export interface RowStats {
  readonly rows: number;
  /** Real tokens, special ones included. */
  readonly tokens: number;
  readonly longest: number;
  /** Rows that were cut to the maximum length. */
  readonly truncated: number;
  /** Rows of each class by index; absent for scores. */
  readonly classes?: readonly number[];
}

/** Adds rows up; `classes` is their number, or undefined for scores. */
export function rowCounter(classes: number | undefined): { add(row: EncodedRow): void; stats(): RowStats } {
  const sum = { rows: 0, tokens: 0, longest: 0, truncated: 0 };
  const counts = new Array<number>(classes ?? 0).fill(0);
  return {
    add: ({ inputIds, cut = 0, label }) => {
      sum.rows += 1;
      sum.tokens += inputIds.length;
      sum.longest = Math.max(sum.longest, inputIds.length);
      sum.truncated += Number(cut > 0);
      if (classes !== undefined) counts[label]! += 1;
    },
    stats: () => ({ ...sum, ...(classes !== undefined && { classes: [...counts] }) }),
  };
}

/** What is in some rows; `classes` is their number, or undefined for scores. */
export function statsOf(rows: Iterable<EncodedRow>, classes: number | undefined): RowStats {
  const counter = rowCounter(classes);
  for (const row of rows) counter.add(row);
  return counter.stats();
}
