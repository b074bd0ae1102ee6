import { describe, expect, it } from 'vitest';
import { type DatasetRequest, datasetName, datasetTask } from './dataset-task.js';
import type { DataRow } from './encode.js';

const splits = { train: 'train', validation: 'dev', test: 'test' };

function taskOf(rows: readonly DataRow[], asked: Partial<DatasetRequest> = {}, names?: readonly string[]) {
  const read = async function* () {
    const half = Math.ceil(rows.length / 2);
    yield { file: '/d/a.csv', first: 1, rows: rows.slice(0, half) };
    yield { file: '/d/b.csv', first: 1, rows: rows.slice(half) };
  };
  return datasetTask({ id: 'org/My Reviews', splits, ...asked }, { read, classNames: async () => names });
}

const labelled = (...labels: unknown[]): DataRow[] => labels.map((label, i) => ({ text: `t${i}`, label }));

describe('datasetTask: columns', () => {
  it.each<[string, DataRow, Partial<DatasetRequest>, readonly string[], string, string | undefined]>([
    ['text and label', { label: 'a', text: 'x', id: 1 }, {}, ['text'], 'label', 'id'],
    [
      'a pair before a single one',
      { text: 'x', premise: 'p', hypothesis: 'h', target: 1 },
      {},
      ['premise', 'hypothesis'],
      'target',
      undefined,
    ],
    ['the only text there is', { headline: 'x', stars: 3, n: 4 }, {}, ['headline'], 'stars', undefined],
    [
      'columns that are named',
      { text: 'x', title: 'y', l: 'a', label: 1 },
      { columns: ['title', 'text'], label: 'l' },
      ['title', 'text'],
      'l',
      undefined,
    ],
    ['idx before id', { text: 'x', label: 'a', id: 1, idx: 2 }, {}, ['text'], 'label', 'idx'],
    ['an id that is named', { text: 'x', label: 'a', id: 1, key: 2 }, { idColumn: 'key' }, ['text'], 'label', 'key'],
    ['no id', { text: 'x', label: 'a', id: 1 }, { idColumn: 'none' }, ['text'], 'label', undefined],
    ['a label that is called id', { text: 'x', id: 'a' }, { label: 'id' }, ['text'], 'id', undefined],
  ])('%s', async (_, row, asked, sentences, label, id) => {
    const other = Object.fromEntries(Object.entries(row).map(([k, v]) => [k, typeof v === 'number' ? v + 1 : `${v}b`]));
    const task = await taskOf([row, other], asked);
    expect([task.sentences, task.labelColumn, task.idColumn]).toEqual([sentences, label, id]);
  });

  it.each<[string, DataRow, Partial<DatasetRequest>, RegExp]>([
    ['no label', { text: 'x' }, {}, /a column of labels, got none .*--label \(the columns are text\)/],
    ['a label that is not there', { text: 'x' }, { label: 'l' }, /a column 'l', got none; name it with --label/],
    [
      'no text',
      { a: 'x', b: 'y', label: 1 },
      {},
      /one or two columns of text, found no usual ones; name it with --columns \(the columns are a, b, label\)/,
    ],
    [
      'a text that is not there',
      { text: 'x', label: 1 },
      { columns: ['texts'] },
      /a column 'texts', got none; name it with --columns/,
    ],
    ['three texts', { a: 'x', b: 'y', c: 'z', label: 1 }, { columns: ['a', 'b', 'c'] }, /got 3/],
    [
      'an id that is not there',
      { text: 'x', label: 1 },
      { idColumn: 'key' },
      /a column 'key', got none; name it with --id-column/,
    ],
  ])('refuses %s', async (_, row, asked, message) => {
    await expect(taskOf([row], asked)).rejects.toThrow(message);
    await expect(taskOf([row], asked)).rejects.toMatchObject({ kind: 'input' });
  });

  it('refuses a split without rows', async () => {
    await expect(taskOf([])).rejects.toThrow(/my-reviews: expected rows, got none/);
  });
});

describe('datasetTask: labels', () => {
  it.each<[string, unknown[], Partial<DatasetRequest>, string[] | undefined, unknown, unknown]>([
    ['texts, in order', ['b', 'a', 'b', 'C'], {}, undefined, ['C', 'a', 'b'], { C: 0, a: 1, b: 2 }],
    ['whole numbers', [1, 0, 2, 0], {}, undefined, ['0', '1', '2'], { 0: 0, 1: 1, 2: 2 }],
    ['whole numbers as text', ['10', '9', '10'], {}, undefined, ['9', '10'], { 9: 0, 10: 1 }],
    ['numbers below zero', [1n, -1n], {}, undefined, ['-1', '1'], { '-1': 0, 1: 1 }],
    ['truth values', [true, false], {}, undefined, ['false', 'true'], { false: 0, true: 1 }],
    ['indices of declared classes', [1, 0], {}, ['no', 'yes'], ['no', 'yes'], { 0: 0, 1: 1 }],
    ['indices as text', ['1', '0'], {}, ['no', 'yes'], ['no', 'yes'], { 0: 0, 1: 1 }],
    ['names of declared classes', ['yes', 'yes'], {}, ['no', 'yes'], ['no', 'yes'], { no: 0, yes: 1 }],
    ['names that are numbers', ['5', '1'], {}, ['1', '5'], ['1', '5'], { 1: 0, 5: 1 }],
    ['fractions', [0.5, 1, 2], {}, undefined, 'score', undefined],
    ['fractions as text', ['0.5', '1'], {}, undefined, 'score', undefined],
    ['whole numbers with a metric of scores', [1, 2], { metrics: ['pearson'] }, undefined, 'score', undefined],
    [
      'fractions with a metric of classes',
      [0.5, 1.5],
      { metrics: ['f1'] },
      undefined,
      ['0.5', '1.5'],
      { 0.5: 0, 1.5: 1 },
    ],
  ])('%s', async (_, labels, asked, names, expected, classes) => {
    const task = await taskOf(labelled(...labels), asked, names);
    expect([task.labels, task.classes]).toEqual([expected, classes]);
  });

  it.each<[string, unknown[], Partial<DatasetRequest>, string[] | undefined, RegExp]>([
    [
      'a null',
      ['a', 'b', null],
      {},
      undefined,
      /my-reviews: expected a label in column 'label', got nothing \(b\.csv, row 1\)/,
    ],
    ['an empty one', ['a', ' '], {}, undefined, /\(b\.csv, row 1\)/],
    ['a list', ['a', ['b']], {}, undefined, /got object \(b\.csv, row 1\)/],
    ['one class', ['a', 'a'], {}, undefined, /expected two classes or more in column 'label', got 1/],
    ['a thousand classes', Array.from({ length: 1200 }, (_, i) => `c${i}`), {}, undefined, /got more than 1000/],
    [
      'words for scores',
      ['a', 'b'],
      { metrics: ['spearman'] },
      undefined,
      /expected numbers for spearman, got the label a/,
    ],
    [
      'declared classes for scores',
      [0, 1],
      { metrics: ['spearman'] },
      ['a', 'b'],
      /got spearman; its labels are classes/,
    ],
    ['both kinds of metrics', [0, 1], { metrics: ['accuracy', 'pearson'] }, undefined, /got both: accuracy,pearson/],
  ])('refuses %s', async (_, labels, asked, names, message) => {
    await expect(taskOf(labelled(...labels), asked, names)).rejects.toThrow(message);
    await expect(taskOf(labelled(...labels), asked, names)).rejects.toMatchObject({ kind: 'input' });
  });

  it('takes metrics as asked, the first to compare by, or those of the kind', async () => {
    const task = await taskOf(labelled('a', 'b'), { metrics: ['f1', 'accuracy'] });
    expect([task.metrics, task.mainMetric]).toEqual([['f1', 'accuracy'], 'f1']);
    expect(await taskOf(labelled('a', 'b'))).toMatchObject({ metrics: ['accuracy'], mainMetric: 'accuracy' });
    expect(await taskOf(labelled(0.5, 1))).toMatchObject({ metrics: ['pearson', 'spearman'], mainMetric: 'pearson' });
  });
});

it.each([
  ['org/My Reviews', 'my-reviews'],
  ['./data/', 'data'],
  ['/', 'data'],
])('datasetName(%s) is %s', (id, name) => {
  expect(datasetName(id)).toBe(name);
});
