import type { DatasetRequest } from './dataset-task.js';
import type { DataBlock, DataRow } from './encode.js';
import { EvaluateError } from './error.js';
import type { Task } from './tasks.js';

/** Columns of a data set that a task uses. */
export type TaskColumns = Pick<Task, 'sentences' | 'labelColumn' | 'idColumn'>;

/** Names of label columns, the likeliest first. */
const labelNames = ['label', 'labels', 'target', 'class', 'sentiment', 'category', 'score', 'rating', 'stars'];

/** Names of pairs of text columns, as the usual data sets have them. */
const pairs = [
  ['sentence1', 'sentence2'],
  ['premise', 'hypothesis'],
  ['question1', 'question2'],
  ['question', 'sentence'],
  ['text1', 'text2'],
] as const;

/** Names of single text columns, the likeliest first. */
const textNames = ['text', 'sentence', 'content', 'review', 'comment', 'tweet', 'document', 'body'];

const idNames = ['idx', 'id'];

/** Finds the columns in the first row, as asked or by their usual names. Throws an input error that lists what there is. */
export async function findColumns(
  name: string,
  asked: Pick<DatasetRequest, 'columns' | 'label' | 'idColumn'>,
  blocks: AsyncIterable<DataBlock>,
): Promise<TaskColumns> {
  const row = await firstRow(name, blocks);
  const there = Object.keys(row);
  const bad = (what: string, flag: string): EvaluateError =>
    new EvaluateError('input', `${name}: expected ${what}; name it with ${flag} (the columns are ${there.join(', ')})`);
  const known = (column: string, flag: string): string => {
    if (there.includes(column)) return column;
    throw bad(`a column '${column}', got none`, flag);
  };
  const label = asked.label ?? labelNames.find((column) => there.includes(column));
  if (label === undefined) throw bad('a column of labels, got none with a usual name', '--label');
  const labelColumn = known(label, '--label');
  const found = asked.columns ?? textColumns(row, labelColumn);
  if (found === undefined) throw bad('one or two columns of text, found no usual ones', '--columns');
  const [first, second, ...more] = found.map((column) => known(column, '--columns'));
  if (first === undefined || more.length > 0) throw bad(`one or two columns of text, got ${found.length}`, '--columns');
  const free = idNames.find((column) => there.includes(column) && ![first, second, labelColumn].includes(column));
  const idColumn = asked.idColumn === 'none' ? undefined : asked.idColumn ? known(asked.idColumn, '--id-column') : free;
  const sentences = second === undefined ? ([first] as const) : ([first, second] as const);
  return { sentences, labelColumn, ...(idColumn !== undefined && { idColumn }) };
}

async function firstRow(name: string, blocks: AsyncIterable<DataBlock>): Promise<DataRow> {
  for await (const { rows } of blocks) if (rows[0]) return rows[0];
  throw new EvaluateError('input', `${name}: expected rows, got none; check the split's files`);
}

function textColumns(row: DataRow, label: string): readonly string[] | undefined {
  const isText = (column: string): boolean => column !== label && typeof row[column] === 'string';
  const pair = pairs.find((names) => names.every(isText));
  const one = textNames.find(isText);
  if (pair ?? one) return pair ?? [one as string];
  const texts = Object.keys(row).filter((column) => isText(column) && !idNames.includes(column));
  return texts.length === 1 ? texts : undefined;
}
