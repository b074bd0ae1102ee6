import path from 'node:path';
import { EvaluateError } from './error.js';
import type { List } from './list.js';
import { RowIds } from './row-ids.js';
import type { Task } from './tasks.js';
import type { TextTokenizer, TokenIds } from './tokenize.js';

/** A row of a data set: columns by name. */
export type DataRow = Readonly<Record<string, unknown>>;

/** One example as a model takes it. */
export interface EncodedRow extends TokenIds {
  /** The data set's `idx`, or the row's position where it has none. */
  readonly id: number;
  /** Class index, or the score of a regression task; NaN for a row without a label, where such are asked for. */
  readonly label: number;
}

/** Examples by position, in memory or read when asked for. */
export interface RowList extends List<EncodedRow> {
  /** Tokens of a row, where that is known without reading it. */
  readonly tokensOf?: (index: number) => number;
  /** Where a row stands in the data, where these are only some of it. */
  readonly sourceOf?: (index: number) => number;
}

/** Examples of one task, and what batching needs to know of them. */
export interface EncodedRows<Rows extends RowList = RowList> {
  readonly rows: Rows;
  readonly regression: boolean;
  readonly padId: number;
}

/** Rows of a file of a data set, in order. */
export interface DataBlock {
  readonly file: string;
  /** Number of its first row in the file, from 1. */
  readonly first: number;
  readonly rows: readonly DataRow[];
}

type Where = (expectation: string, value: unknown, advice: string) => EvaluateError;

const integer = (value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);

const shown = (value: unknown): string =>
  typeof value === 'bigint' ? String(value) : (JSON.stringify(value) ?? 'nothing');

function text(row: DataRow, column: string | undefined, task: Task, bad: Where): string {
  const value = column === undefined ? undefined : row[column];
  if (typeof value === 'string' && !(task.refusesEmpty && value.trim() === '')) return value;
  if (value === '' || typeof value === 'string')
    throw bad(`text in column '${column}'`, value, 'give the row a text or remove it');
  throw bad(`text in column '${column}'`, value, `the columns are ${Object.keys(row).join(', ')}`);
}

const isNumber = (value: unknown): value is number => typeof value === 'number' && Number.isFinite(value);

function label(row: DataRow, task: Task, unlabelled: boolean, bad: Where): number {
  const raw = row[task.labelColumn];
  if (unlabelled && hasNone(raw, task)) return Number.NaN;
  if (task.labels === 'score') {
    // Text files hold numbers as text.
    const value = typeof raw === 'string' && raw.trim() !== '' ? Number(raw) : integer(raw);
    if (isNumber(value)) return value;
    throw bad(`a score in column '${task.labelColumn}'`, raw, 'use a split that has scores');
  }
  const value = classOf(raw, task);
  if (Number.isInteger(value) && (value as number) >= 0 && (value as number) < task.labels.length)
    return value as number;
  const classes = task.classes ? Object.keys(task.classes).slice(0, 20).join(', ') : `0 to ${task.labels.length - 1}`;
  throw bad(
    `a class ${task.classes ? 'of' : 'from'} ${classes} in column '${task.labelColumn}'`,
    raw,
    'use a split that has labels',
  );
}

const hasNone = (raw: unknown, { noLabel }: Task): boolean =>
  raw === null || raw === undefined || (noLabel !== undefined && integer(raw) === noLabel);

function classOf(raw: unknown, { classes, labels }: Task): unknown {
  if (classes) return Object.hasOwn(classes, String(raw)) ? classes[String(raw)] : undefined;
  return typeof raw === 'string' ? labels.indexOf(raw) : integer(raw);
}

/** Encodes rows of a task one at a time; `place` says in messages where the row is. */
type RowEncoder = (row: DataRow, index: number, place: string) => EncodedRow;

function rowEncoder(tokenizer: TextTokenizer, task: Task, maxLength: number, unlabelled = false): RowEncoder {
  const limit = Math.min(maxLength, tokenizer.maxLength);
  if (!(limit >= 4))
    throw new EvaluateError(
      'input',
      `${task.name}: expected a length of at least 4 tokens, got ${limit}; raise the maximum length`,
    );
  const [first, second] = task.sentences;
  return (row, index, place) => {
    const bad: Where = (expectation, value, advice) =>
      new EvaluateError('input', `${task.name}: expected ${expectation}, got ${shown(value)} (${place}); ${advice}`);
    const pair = second === undefined ? undefined : text(row, second, task, bad);
    const ids = tokenizer.encode(text(row, first, task, bad), pair, limit);
    const id = integer(row[task.idColumn ?? 'idx']);
    return { ...ids, id: Number.isInteger(id) ? (id as number) : index, label: label(row, task, unlabelled, bad) };
  };
}

/**
 * Tokenizes rows of a data set for a task into memory, each cut to `maxLength` tokens or the tokenizer's own limit,
 * whichever is less.
 * @throws EvaluateError (`input`) naming the row whose text or label is not there.
 */
export function encode(
  tokenizer: TextTokenizer,
  rows: Iterable<DataRow>,
  task: Task,
  maxLength: number,
): EncodedRows<readonly EncodedRow[]> {
  const encodeRow = rowEncoder(tokenizer, task, maxLength);
  const encoded = Array.from(rows, (row, index) => encodeRow(row, index, `row ${index}`));
  return { rows: encoded, regression: task.labels === 'score', padId: tokenizer.padId };
}

/**
 * Tokenizes a data set block by block as `encode` does rows, so that one block at a time is in memory; with `unlabelled`, rows
 * need no labels.
 * @throws EvaluateError (`input`) naming file and row, also where an id of the task's `idColumn` comes twice.
 */
export async function* encodeBlocks(
  tokenizer: TextTokenizer,
  blocks: AsyncIterable<DataBlock>,
  task: Task,
  maxLength: number,
  { unlabelled = false }: { readonly unlabelled?: boolean } = {},
): AsyncGenerator<readonly EncodedRow[]> {
  const encodeRow = rowEncoder(tokenizer, task, maxLength, unlabelled);
  const ids = task.idColumn === undefined ? undefined : new RowIds(task.name, task.idColumn);
  let done = 0;
  for await (const { file, first, rows } of blocks) {
    const name = path.basename(file);
    yield rows.map((row, i) => {
      ids?.add(row[task.idColumn ?? ''], { file: name, row: first + i });
      return encodeRow(row, done + i, `${name}, row ${first + i}`);
    });
    done += rows.length;
  }
  ids?.check();
}
