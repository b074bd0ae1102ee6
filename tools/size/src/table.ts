import { type Budget, budgets, exceeds, LONGEST, type Summary } from './budgets.js';
import type { Measured } from './measure.js';

/** One row a package; a number outside its budget is marked with `!`. */
export function table(summaries: readonly Summary[]): string {
  const head = ['package', 'files', 'lines', ...budgets.map(({ title }) => title)];
  const rows = summaries.map((summary) => [
    summary.name,
    String(summary.files),
    String(summary.lines),
    ...budgets.map((budget) => cell(budget, summary)),
  ]);
  const bounds = ['budget', '', '', ...budgets.map(bound)];
  const widths = head.map((_, column) => Math.max(...[head, bounds, ...rows].map((row) => row[column]!.length)));
  return [head, bounds, ...rows]
    .map((row) => row.map((text, i) => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!))).join('  '))
    .join('\n');
}

/** What a reviewer would look at: files and functions that are too long, exports without a doc comment. */
export function excesses(sources: readonly Measured[]): string[] {
  return sources.flatMap(({ file, lines, functions, undocumented }) => [
    ...(lines > LONGEST.file ? [`${file}: ${lines} lines, at most ${LONGEST.file}`] : []),
    ...functions
      .filter((fn) => fn.lines > LONGEST.function)
      .map((fn) => `${file}: ${fn.name} has ${fn.lines} lines, at most ${LONGEST.function}`),
    ...undocumented.map((name) => `${file}: ${name} has no doc comment`),
  ]);
}

function cell(budget: Budget, summary: Summary): string {
  return `${show(budget, budget.value(summary))}${exceeds(budget, summary) ? '!' : ' '}`;
}

function show({ digits, percent }: Budget, value: number): string {
  return percent ? `${(100 * value).toFixed(digits)} %` : value.toFixed(digits);
}

function bound(budget: Budget): string {
  const { min, max } = budget;
  const low = min === undefined ? '' : show(budget, min);
  if (max === undefined) return `${low} `;
  return low === '' ? `≤ ${show(budget, max)} ` : `${low.replace(' %', '')}–${show(budget, max)} `;
}
