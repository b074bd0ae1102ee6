import type { Measured } from './measure.js';

/** Median, 90th percentile and largest of some lengths. */
export interface Spread {
  readonly median: number;
  readonly p90: number;
  readonly max: number;
}

/** The reviewed numbers of a package. */
export interface Summary {
  readonly name: string;
  readonly files: number;
  readonly lines: number;
  readonly file: Spread;
  readonly function: Spread;
  /** Share of exported declarations with a doc comment. */
  readonly documented: number;
  /** Comment lines over lines that are not blank. */
  readonly comments: number;
  /** Lines of tests over lines of sources. */
  readonly tests: number;
}

/** A number of a summary with the range it should lie in. */
export interface Budget {
  readonly title: string;
  readonly value: (summary: Summary) => number;
  readonly digits: number;
  readonly percent?: boolean;
  readonly min?: number;
  readonly max?: number;
}

/** Longest file and longest function that are accepted, lines. */
export const LONGEST = { file: 500, function: 80 } as const;

/** All budgets, in the order of the table's columns. */
export const budgets: readonly Budget[] = [
  { title: 'file med', value: ({ file }) => file.median, digits: 0, max: 120 },
  { title: 'p90', value: ({ file }) => file.p90, digits: 0, max: 300 },
  { title: 'max', value: ({ file }) => file.max, digits: 0, max: LONGEST.file },
  { title: 'fn med', value: ({ function: fn }) => fn.median, digits: 0, max: 8 },
  { title: 'p90', value: ({ function: fn }) => fn.p90, digits: 0, max: 30 },
  { title: 'max', value: ({ function: fn }) => fn.max, digits: 0, max: LONGEST.function },
  { title: "doc'd", value: ({ documented }) => documented, digits: 0, percent: true, min: 1 },
  { title: 'comment', value: ({ comments }) => comments, digits: 0, percent: true, min: 0.08, max: 0.16 },
  { title: 'tests/src', value: ({ tests }) => tests, digits: 2, min: 0.8, max: 1.5 },
];

/** Whether a number lies outside its budget, as printed. */
export function exceeds({ value, digits, percent, min = 0, max = Number.POSITIVE_INFINITY }: Budget, summary: Summary) {
  const step = 10 ** (percent ? digits + 2 : digits);
  const printed = Math.round(value(summary) * step) / step;
  return printed < min || printed > max;
}

/** Sums up the files of one package. */
export function summarize(name: string, sources: readonly Measured[], tests: readonly Measured[]): Summary {
  const total = (files: readonly Measured[], of: (file: Measured) => number) =>
    files.reduce((sum, file) => sum + of(file), 0);
  const lines = total(sources, (file) => file.lines);
  const exports = total(sources, (file) => file.exports);
  return {
    name,
    files: sources.length,
    lines,
    file: spread(sources.map((file) => file.lines)),
    function: spread(sources.flatMap(({ functions }) => functions.map((fn) => fn.lines))),
    documented: exports === 0 ? 1 : 1 - total(sources, (file) => file.undocumented.length) / exports,
    comments:
      total(sources, (file) => file.comments) /
      Math.max(
        1,
        total(sources, (file) => file.filled),
      ),
    tests: total(tests, (file) => file.lines) / Math.max(1, lines),
  };
}

/** Median, 90th percentile (nearest rank) and largest; zeros where there is nothing. */
export function spread(lengths: readonly number[]): Spread {
  const sorted = [...lengths].sort((a, b) => a - b);
  const rank = (share: number) => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
  return { median: rank(0.5), p90: rank(0.9), max: rank(1) };
}
