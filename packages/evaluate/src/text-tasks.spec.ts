import { expect, it } from 'vitest';
import type { DataRow } from './encode.js';
import { batchesByLength, textMetricsOf } from './score-texts.js';
import { columnsOfLayout, findTexts, valueAt } from './text-columns.js';
import { foundTexts, readTexts } from './text-rows.js';
import { isTextTaskName, openTextTasks, type TextTaskName, textTask, textTasks } from './text-tasks.js';

const both = { translation: { de: 'ja', en: 'yes' } };
const read = (rows: readonly DataRow[]) =>
  async function* () {
    yield { file: '/data/a.jsonl', first: 5, rows };
  };

it.each<[TextTaskName, DataRow, string, readonly string[]]>([
  ['translation', both, 'translation.de', ['translation.en']],
  ['translation', { de: 'ja', en: 'yes' }, 'de', ['en']],
  ['translation', { 'translation.de': 'ja', 'translation.en': 'yes' }, 'translation.de', ['translation.en']],
  ['wmt14', both, 'translation.en', ['translation.de']],
  ['translation', { translation: { fr: 'oui', en: 'yes' } }, 'translation.fr', ['translation.en']],
  ['summarization', { article: 'long', highlights: 'short', id: '1' }, 'article', ['highlights']],
  ['summarization', { document: 'long', summary: 'short' }, 'document', ['summary']],
  ['summarization', { dialogue: 'long', summary: 'short', topic: 'x' }, 'dialogue', ['summary']],
  ['summarization', { text: 'long', summary: 'short' }, 'text', ['summary']],
  ['perplexity', { text: 'a' }, 'text', []],
  ['perplexity', { id: 1, story: 'a' }, 'story', []],
])('%s finds its texts in %j', (name, row, source, references) => {
  const layout = findTexts(textTask(name), {}, row);
  expect(layout).toEqual({ source, references });
  expect(columnsOfLayout(layout, row).every((column) => column in row)).toBe(true);
});

it('takes the order of two languages from the name of the data set', () => {
  const named = { ...textTasks.translation, dataset: { id: 'org/opus', config: 'en-fr' } };
  expect(findTexts(named, {}, { translation: { fr: 'oui', en: 'yes' } }).source).toBe('translation.en');
});

it.each<[TextTaskName, Parameters<typeof findTexts>[1], DataRow, object | RegExp]>([
  ['translation', { columns: ['x', 'y'] }, { x: 'a', y: 'b' }, { source: 'x', references: ['y'] }],
  ['summarization', { columns: ['x'] }, { x: 'a', summary: 'b' }, { source: 'x', references: ['summary'] }],
  [
    'summarization',
    { columns: ['x'], label: 'y,z' },
    { x: 'a', y: 'b', z: 'c' },
    { source: 'x', references: ['y', 'z'] },
  ],
  ['summarization', { label: 'y' }, { dialogue: 'a', summary: 'b', y: 'c' }, { source: 'dialogue', references: ['y'] }],
  [
    'translation',
    { columns: ['x', 'y'], label: 'z' },
    { x: 'a', y: 'b', z: 'c' },
    /got x y z; name them with --columns and --label/,
  ],
  ['translation', { columns: ['x'] }, { x: 'a' }, /expected the column of a reference, found no usual one/],
  [
    'translation',
    { columns: ['x', 'no'] },
    { x: 'a', t: { y: 'b' } },
    /expected a column 'no', got none; .*\(the columns are x, t\.y\)/,
  ],
  ['perplexity', { columns: ['x', 'y'] }, { x: 'a', y: 'b' }, /expected the column of a text, got x y/],
  ['perplexity', {}, { number: 3 }, /expected columns of texts, found no usual ones/],
  ['multi30k', {}, { translation: { fr: 'oui', en: 'yes' } }, /found no usual ones/],
])('%s asked for %j of %j', (name, asked, row, expected) => {
  const find = () => findTexts(textTask(name), asked, row);
  if (expected instanceof RegExp) expect(find).toThrow(expected);
  else expect(find()).toEqual(expected);
});

it('reads rows with one, several and no references; names the row that has no text', async () => {
  const task = { ...textTasks.summarization, layout: { source: 'text', references: ['a', 'b'] } };
  const rows = [
    { text: 't', a: 'x', b: ['y', 'z'] },
    { text: '', a: 'x', b: null },
  ];
  expect(await readTexts(task, read(rows)())).toEqual([
    { id: 0, source: 't', references: ['x', 'y', 'z'] },
    { id: 1, source: '', references: ['x'] },
  ]);
  const refused: [DataRow[], RegExp][] = [
    [
      [
        { text: 't', a: 'x' },
        { text: 3n, a: 'x' },
      ],
      /expected text in column 'text', got 3 \(a\.jsonl, row 6\)/,
    ],
    [[{ text: 't', a: 4 }], /expected text in column 'a', got 4 \(a\.jsonl, row 5\)/],
    [[{ text: 't', a: 'x' }, { text: 't' }], /expected a reference in every row or in none, got 1 of 2 without/],
  ];
  for (const [bad, message] of refused) await expect(readTexts(task, read(bad)())).rejects.toThrow(message);
  await expect(foundTexts(textTasks.perplexity, {}, read([]))).rejects.toThrow(/expected rows, got none/);
});

it('batches hold rows of like length, the longest first, each once', () => {
  expect(batchesByLength([3, 9, 3, 7, 1], 2)).toEqual([[1, 3], [0, 2], [4]]);
  expect(batchesByLength([], 2)).toEqual([]);
});

it('metrics come with signatures, none without references, and perplexity is none of texts', () => {
  const row = { id: 0, generated: 'the cats sat', references: ['the cat sat'], tokens: [1] };
  const { metrics, signatures } = textMetricsOf(textTasks.summarization, [row]);
  expect(metrics.rouge1).toBe(1); // stemmed
  expect(signatures.rouge).toMatch(/stem:porter-nltk/);
  expect(Object.keys(textMetricsOf(textTasks.translation, [row]).signatures)).toEqual(['bleu', 'chrf', 'ter']);
  expect(textMetricsOf(textTasks.translation, [{ ...row, references: [] }])).toEqual({ metrics: {}, signatures: {} });
  expect(() => textMetricsOf(textTasks.perplexity, [row])).toThrow(/expected metrics of texts, got perplexity/);
});

it('rows of the table are whole: names, a version, a main metric among its metrics', () => {
  for (const [name, task] of Object.entries(textTasks)) {
    expect([task.name, isTextTaskName(name), task.version]).toEqual([name, true, 1]);
    expect(task.layouts.length).toBeGreaterThan(0);
    expect(task.direction).toBe(task.kind === 'likelihood' ? 'lower' : 'higher');
  }
  expect(openTextTasks.every(isTextTaskName)).toBe(true);
  expect(() => textTask('sst2')).toThrow(/expected one of summarization, translation/);
  expect(valueAt({ a: null }, 'a.b')).toBeUndefined();
});
