import { EvaluateError } from './error.js';
import type { List } from './list.js';
import type { Task } from './tasks.js';
import type { TextTokenizer, TokenIds } from './tokenize.js';

/** A row of a data set: columns by name. */
export type DataRow = Readonly<Record<string, unknown>>;

/** One example as a model takes it. */
export interface EncodedRow extends TokenIds {
  /** The data set's `idx`, or the row's position where it has none. */
  readonly id: number;
  /** Class index, or the score of a regression task. */
  readonly label: number;
}

/** Examples by position, in memory or read when asked for. */
export interface RowList extends List<EncodedRow> {
  /** Tokens of a row, where that is known without reading it. */
  readonly tokensOf?: (index: number) => number;
}

/** Examples of one task, and what batching needs to know of them. */
export interface EncodedRows<Rows extends RowList = RowList> {
  readonly rows: Rows;
  readonly regression: boolean;
  readonly padId: number;
}

type Where = (expectation: string, value: unknown, advice: string) => EvaluateError;

const integer = (value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);

const shown = (value: unknown): string =>
  typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? 'nothing');

function text(row: DataRow, column: string | undefined, bad: Where): string {
  const value = column === undefined ? undefined : row[column];
  if (typeof value === 'string') return value;
  throw bad(`text in column '${column}'`, value, `the columns are ${Object.keys(row).join(', ')}`);
}

function label(row: DataRow, task: Task, bad: Where): number {
  const raw = row[task.labelColumn];
  const value = typeof raw === 'string' && task.labels !== 'score' ? task.labels.indexOf(raw) : integer(raw);
  if (task.labels === 'score') {
    if (typeof value === 'number' && Number.isFinite(value)) return value;
    throw bad(`a score in column '${task.labelColumn}'`, raw, 'use a split that has scores');
  }
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) < task.labels.length)
    return value as number;
  throw bad(
    `a class from 0 to ${task.labels.length - 1} in column '${task.labelColumn}'`,
    raw,
    'use a split that has labels',
  );
}

/**
 * Tokenizes rows of a data set for a task, each cut to `maxLength` tokens or the tokenizer's own limit, whichever is less.
 * @throws EvaluateError (`input`) naming the row whose text or label is not there.
 */
export function encode(
  tokenizer: TextTokenizer,
  rows: Iterable<DataRow>,
  task: Task,
  maxLength: number,
): EncodedRows<readonly EncodedRow[]> {
  const limit = Math.min(maxLength, tokenizer.maxLength);
  if (!(limit >= 4))
    throw new EvaluateError(
      'input',
      `${task.name}: expected a length of at least 4 tokens, got ${limit}; raise the maximum length`,
    );
  const encoded = Array.from(rows, (row, index): EncodedRow => {
    const bad: Where = (expectation, value, advice) =>
      new EvaluateError(
        'input',
        `${task.name}: expected ${expectation}, got ${shown(value)} (row ${index}); ${advice}`,
      );
    const [first, second] = task.sentences;
    const ids = tokenizer.encode(
      text(row, first, bad),
      second === undefined ? undefined : text(row, second, bad),
      limit,
    );
    const id = integer(row.idx);
    return { ...ids, id: Number.isInteger(id) ? (id as number) : index, label: label(row, task, bad) };
  });
  return { rows: encoded, regression: task.labels === 'score', padId: tokenizer.padId };
}
