import path from 'node:path';
import type { DataBlock, DataRow } from './encode.js';
import { EvaluateError } from './error.js';
import { type AskedTexts, columnsOfLayout, findTexts, valueAt } from './text-columns.js';
import type { TextLayout, TextTask } from './text-tasks.js';

/** A row of a task of text. */
export interface TextRow {
  /** The row's position in the split, from 0. */
  readonly id: number;
  readonly source: string;
  /** None where the row has no reference. */
  readonly references: readonly string[];
}

/** A task whose texts were found in a data set. */
export interface FoundTextTask extends TextTask {
  readonly layout: TextLayout;
}

/** A split's rows as they are read, all columns or only those named. */
export type ReadRows = (columns?: readonly string[]) => AsyncIterable<DataBlock>;

/**
 * Finds where a split has a task's texts, from its first row.
 * @throws EvaluateError (`input`) where it has no rows or no such columns.
 */
export async function foundTexts(
  task: TextTask,
  asked: AskedTexts,
  read: ReadRows,
): Promise<{ readonly task: FoundTextTask; readonly columns: readonly string[] }> {
  for await (const {
    rows: [row],
  } of read()) {
    if (row === undefined) continue;
    const layout = findTexts(task, asked, row);
    return { task: { ...task, layout }, columns: columnsOfLayout(layout, row) };
  }
  throw new EvaluateError('input', `${task.name}: expected rows, got none; check the split's files`);
}

/**
 * The texts of a split's rows, in their order.
 * @throws EvaluateError (`input`) naming the row whose text is none, and where some rows have references and others none.
 */
export async function readTexts(task: FoundTextTask, blocks: AsyncIterable<DataBlock>): Promise<readonly TextRow[]> {
  const texts: TextRow[] = [];
  for await (const { file, first, rows } of blocks) {
    for (const [i, row] of rows.entries())
      texts.push(textRow(task, row, texts.length, `${path.basename(file)}, row ${first + i}`));
  }
  const without = texts.filter(({ references }) => references.length === 0).length;
  if (without > 0 && without < texts.length)
    throw new EvaluateError(
      'input',
      `${task.name}: expected a reference in every row or in none, got ${without} of ${texts.length} without; remove these rows`,
    );
  return texts;
}

function textRow({ name, layout }: FoundTextTask, row: DataRow, id: number, place: string): TextRow {
  const source = valueAt(row, layout.source);
  if (typeof source !== 'string') throw noText(name, layout.source, source, place);
  const references = layout.references.flatMap((column): readonly string[] => {
    const value = valueAt(row, column);
    if (value === null || value === undefined) return [];
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (list.every((text) => typeof text === 'string')) return list;
    throw noText(name, column, value, place);
  });
  return { id, source, references };
}

const noText = (name: string, column: string, value: unknown, place: string): EvaluateError =>
  new EvaluateError(
    'input',
    `${name}: expected text in column '${column}', got ${typeof value === 'bigint' ? value : (JSON.stringify(value) ?? 'nothing')} (${place}); name columns of text with --columns and --label`,
  );
