import { describe, expect, it } from 'vitest';
import { glueRows, hasShared, modelFolder } from '../test/shared.js';
import { type DataBlock, type DataRow, type EncodedRow, encode, encodeBlocks } from './encode.js';
import { glue, type Task, tasks } from './tasks.js';
import { loadTokenizer, type TextTokenizer } from './tokenize.js';

// One token a letter; 7 stands between a pair.
const letters: TextTokenizer = {
  padId: 0,
  maxLength: 6,
  decode: (ids) => String.fromCharCode(...Array.from(ids)),
  encode: (text, pair, maxLength) => {
    const ids = [...text, ...(pair === undefined ? [] : ['|', ...pair])].map((letter) => letter.charCodeAt(0));
    return {
      inputIds: Int32Array.from(ids.slice(0, maxLength)),
      tokenTypeIds: new Int32Array(Math.min(maxLength, ids.length)),
    };
  },
};

const ids = (text: string): Int32Array => Int32Array.from(text, (letter) => letter.charCodeAt(0));

describe('encode', () => {
  it('takes bigint labels and ids, as parquet gives them, and cuts at the tokenizer’s own limit', () => {
    const { rows, regression } = encode(letters, [{ sentence: 'abcdefgh', label: 1n, idx: 41n }], tasks.sst2, 128);
    expect(regression).toBe(false);
    expect(rows).toEqual([{ id: 41, label: 1, inputIds: ids('abcdef'), tokenTypeIds: new Int32Array(6) }]);
  });

  it('takes class names for labels, and positions for ids', () => {
    const rows = [
      { sentence: 'a', label: 'positive' },
      { sentence: 'b', label: 'negative' },
    ];
    expect(encode(letters, rows, tasks.sst2, 5).rows.map(({ id, label }) => [id, label])).toEqual([
      [0, 1],
      [1, 0],
    ]);
  });

  it('takes pairs in the order of the task’s columns, and scores', () => {
    const set = encode(letters, [{ sentence2: 'b', sentence1: 'a', label: 3.75, idx: 0 }], tasks.stsb, 5);
    expect(set).toEqual({
      regression: true,
      padId: 0,
      rows: [{ id: 0, label: 3.75, inputIds: ids('a|b'), tokenTypeIds: new Int32Array(3) }],
    });
  });

  it.each<['sst2' | 'stsb', unknown, number]>([
    ['sst2', -1n, Number.NaN],
    ['sst2', null, Number.NaN],
    ['sst2', undefined, Number.NaN],
    ['sst2', 1n, 1],
    ['stsb', -1, Number.NaN],
    ['stsb', 2.5, 2.5],
  ])(
    '%s takes a label of %s for %d where rows need none, and refuses none elsewhere',
    async (name, label, expected) => {
      const row = { sentence: 'a', sentence1: 'a', sentence2: 'b', label };
      const blocks = async function* () {
        yield { file: 'f', first: 1, rows: [row] };
      };
      const labels = async (unlabelled: boolean) => {
        const found: number[] = [];
        for await (const rows of encodeBlocks(letters, blocks(), tasks[name], 9, { unlabelled }))
          found.push(...rows.map((one) => one.label));
        return found;
      };
      expect(await labels(true)).toEqual([expected]);
      if (Number.isNaN(expected) && label !== -1) await expect(labels(false)).rejects.toThrow(/in column 'label'/);
    },
  );

  it.each<[string, DataRow, 'mrpc' | 'stsb', RegExp]>([
    [
      'a missing column',
      { sentence1: 'a', label: 0 },
      'mrpc',
      /mrpc: expected text in column 'sentence2', got nothing \(row 1\); the columns are sentence1, label/,
    ],
    ['text that is none', { sentence1: 'a', sentence2: null, label: 0 }, 'mrpc', /got null \(row 1\)/],
    [
      'a row of the test split',
      { sentence1: 'a', sentence2: 'b', label: -1n },
      'mrpc',
      /expected a class from 0 to 1 in column 'label', got -1 .*use a split that has labels/,
    ],
    ['a class too many', { sentence1: 'a', sentence2: 'b', label: 2 }, 'mrpc', /got 2/],
    ['an unknown class name', { sentence1: 'a', sentence2: 'b', label: 'same' }, 'mrpc', /got "same"/],
    ['half a class', { sentence1: 'a', sentence2: 'b', label: 0.5 }, 'mrpc', /got 0\.5/],
    [
      'a score that is none',
      { sentence1: 'a', sentence2: 'b', label: Number.NaN },
      'stsb',
      /expected a score in column 'label'/,
    ],
    ['a score that is a word', { sentence1: 'a', sentence2: 'b', label: 'three' }, 'stsb', /got "three"/],
    ['a score that is empty', { sentence1: 'a', sentence2: 'b', label: '' }, 'stsb', /got ""/],
  ])('refuses %s', (_, row, task, message) => {
    const good = { sentence1: 'a', sentence2: 'b', label: 1 };
    expect(() => encode(letters, [good, row], tasks[task], 8)).toThrow(message);
  });

  it('refuses a length that leaves no room for text', () => {
    expect(() => encode(letters, [], tasks.mrpc, 3)).toThrow(/at least 4 tokens, got 3/);
    expect(() => encode(letters, [], tasks.mrpc, Number.NaN)).toThrow(/got NaN/);
  });
});

describe('encodeBlocks', () => {
  const own: Task = { ...tasks.sst2, name: 'own', idColumn: 'id', refusesEmpty: true, classes: { no: 1, yes: 0 } };
  const row = (id: unknown, label: unknown = 'yes', sentence: unknown = 'a') => ({ id, label, sentence });

  async function encoded(blocks: readonly DataBlock[], task = own): Promise<EncodedRow[]> {
    const rows: EncodedRow[] = [];
    for await (const block of encodeBlocks(
      letters,
      (async function* () {
        yield* blocks;
      })(),
      task,
      5,
    ))
      rows.push(...block);
    return rows;
  }

  it('goes on over files; ids are the column’s, or positions where they are words', async () => {
    const blocks = [
      { file: '/x/a.csv', first: 1, rows: [row(7, 'no'), row(8)] },
      { file: '/x/b.csv', first: 1, rows: [row(9, 'yes', 'abcdef')] },
    ];
    const rows = await encoded(blocks);
    expect(rows.map(({ id, label, cut }) => [id, label, cut])).toEqual([
      [7, 1, undefined],
      [8, 0, undefined],
      [9, 0, undefined],
    ]);
    expect((await encoded([{ file: 'a', first: 1, rows: [row('p'), row('q')] }])).map(({ id }) => id)).toEqual([0, 1]);
  });

  it('takes scores that are written as text', async () => {
    const [first] = await encoded([{ file: 'a', first: 1, rows: [row(1, ' 2.5 ')] }], { ...own, labels: 'score' });
    expect(first?.label).toBe(2.5);
  });

  it.each<[string, DataRow[], RegExp]>([
    [
      'an empty text',
      [row(1), row(2, 'no', ' ')],
      /own: expected text in column 'sentence', got " " \(b\.csv, row 12\)/,
    ],
    ['a null', [row(1, 'no', null)], /got null \(b\.csv, row 11\)/],
    ['an unknown class', [row(1, 'perhaps')], /a class of no, yes in column 'label', got "perhaps" \(b\.csv, row 11\)/],
    ['a class of the prototype', [row(1, 'constructor')], /got "constructor"/],
    [
      'an id twice',
      [row(1), row(5), row(1)],
      /different ids in column 'id', got one twice \(b\.csv, row 11 and b\.csv, row 13\)/,
    ],
    ['an id twice over files', [row(2), row(0)], /one twice \(a\.csv, row 1 and b\.csv, row 12\)/],
    ['a word twice', [row('u'), row('v'), row('u')], /one twice \(b\.csv, row 11 and b\.csv, row 13\)/],
    ['no id', [row('')], /expected an id in column 'id', got nothing \(b\.csv, row 11\)/],
  ])('refuses %s by file and row', async (_, rows, message) => {
    const blocks = [
      { file: '/x/a.csv', first: 1, rows: [row(0)] },
      { file: '/x/b.csv', first: 11, rows },
    ];
    await expect(encoded(blocks)).rejects.toThrow(message);
    await expect(encoded(blocks)).rejects.toMatchObject({ kind: 'input' });
  });

  it('refuses no repeated idx of a task that names no id column', async () => {
    const { idColumn: _, ...task } = own;
    expect((await encoded([{ file: 'a', first: 1, rows: [row(1), row(1)] }], task)).length).toBe(2);
  });

  it('finds an id twice among many that rise and fall', async () => {
    const rows = Array.from({ length: 3000 }, (_, i) => row((i * 7919) % 2999));
    await expect(encoded([{ file: 'a', first: 1, rows }])).rejects.toThrow(/\(a, row 1 and a, row 3000\)/);
  });
});

describe.skipIf(!hasShared)('real rows (skipped without ../shared)', () => {
  const split = (name: string) => tasks[name as 'mnli'].splits.validation;

  it.each(glue.map((name) => [name]))('%s: every validation row', async (name) => {
    const rows = await glueRows(name, split(name));
    const tokenizer = await loadTokenizer(modelFolder('neuroprune/bert-micro-uncased'));
    const set = encode(tokenizer, rows, tasks[name], 64);
    expect(set.rows.length).toBe(rows.length);
    const pair = tasks[name].sentences.length === 2;
    for (const { inputIds, tokenTypeIds } of set.rows) {
      expect(inputIds.length).toBeLessThanOrEqual(64);
      expect([inputIds[0], inputIds.at(-1)]).toEqual([2, 3]);
      expect(inputIds.filter((id) => id === 3).length).toBe(pair ? 2 : 1);
      expect(tokenTypeIds.at(-1)).toBe(pair ? 1 : 0);
    }
  });
});
