import type { DataRow } from './encode.js';
import { EvaluateError } from './error.js';
import type { TextLayout, TextTask } from './text-tasks.js';

/** Columns that are asked for in place of those that are found. */
export interface AskedTexts {
  /** Of the text, or of source and reference. */
  readonly columns?: readonly string[];
  /** Of the reference; several, separated by commas, for several references. */
  readonly label?: string;
}

/** The value of a column, or of a field of a structured one after a dot; undefined where there is none. */
export function valueAt(row: DataRow, column: string): unknown {
  if (Object.hasOwn(row, column)) return row[column];
  const dot = column.indexOf('.');
  if (dot < 0) return undefined;
  const outer = row[column.slice(0, dot)];
  const inner = column.slice(dot + 1);
  return typeof outer === 'object' && outer !== null && Object.hasOwn(outer, inner)
    ? (outer as DataRow)[inner]
    : undefined;
}

/** Names of the columns that a layout reads. */
export const columnsOfLayout = ({ source, references }: TextLayout, row: DataRow): string[] => [
  ...new Set([source, ...references].map((name) => (Object.hasOwn(row, name) ? name : name.split('.')[0]!))),
];

/**
 * Where a data set has its texts: as asked, else by the first of the task's layouts that a row has; of translations of any
 * data set also two languages in one column, in the order that the data set's name says (`de-en`).
 * @throws EvaluateError (`input`) naming the columns there are
 */
export function findTexts(task: TextTask, asked: AskedTexts, row: DataRow): TextLayout {
  const { columns = [], label } = asked;
  const [source, target, ...more] = columns;
  if (source !== undefined) {
    const references = label?.split(',') ?? (target === undefined ? undefined : [target]);
    if (more.length > 0 || (label !== undefined && target !== undefined) || (task.kind === 'likelihood' && references))
      throw missing(
        task,
        `the column of ${task.kind === 'likelihood' ? 'a text' : 'a source, and of its reference'}, got ${[...columns, label ?? ''].join(' ').trim()}`,
        row,
      );
    return known(task, { source, references: references ?? referencesBeside(task, source, row) }, row);
  }
  const found = task.layouts.find((layout) => has(layout, row)) ?? inOneColumn(task, row);
  if (found === undefined) throw missing(task, 'columns of texts, found no usual ones', row);
  return label === undefined ? found : known(task, { ...found, references: label.split(',') }, row);
}

const has = ({ source, references }: TextLayout, row: DataRow): boolean =>
  [source, ...references].every((column) => valueAt(row, column) !== undefined);

function referencesBeside(task: TextTask, source: string, row: DataRow): readonly string[] {
  if (task.kind === 'likelihood') return [];
  const beside = task.layouts
    .flatMap(({ references }) => references)
    .find((name) => name !== source && has({ source: name, references: [] }, row));
  if (beside === undefined) throw missing(task, 'the column of a reference, found no usual one', row);
  return [beside];
}

function known(task: TextTask, layout: TextLayout, row: DataRow): TextLayout {
  const stray = [layout.source, ...layout.references].find((column) => valueAt(row, column) === undefined);
  if (stray !== undefined) throw missing(task, `a column '${stray}', got none`, row);
  return layout;
}

/** The two languages of a column `translation`, where the task is that of any data set. */
function inOneColumn({ name, dataset }: TextTask, row: DataRow): TextLayout | undefined {
  const both = row.translation;
  if (name !== 'translation' || typeof both !== 'object' || both === null) return undefined;
  const codes = Object.keys(both);
  if (codes.length !== 2) return undefined;
  const named = `${dataset.id} ${dataset.config ?? ''}`;
  const [from, to] = named.includes(`${codes[1]}-${codes[0]}`) ? [codes[1], codes[0]] : codes;
  return { source: `translation.${from}`, references: [`translation.${to}`] };
}

function missing({ name }: TextTask, what: string, row: DataRow): EvaluateError {
  const there = Object.entries(row).flatMap(([column, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.keys(value).map((field) => `${column}.${field}`)
      : [column],
  );
  return new EvaluateError(
    'input',
    `${name}: expected ${what}; name them with --columns and --label (the columns are ${there.join(', ')})`,
  );
}
