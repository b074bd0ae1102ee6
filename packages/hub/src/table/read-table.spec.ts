import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../../test/local.js';
import { openDataset } from '../dataset.js';
import type { Row } from '../parquet.js';
import { readTable } from './read-table.js';

async function fileOf(name: string, content: string | Buffer): Promise<string> {
  const file = join(await temporaryFolder(), name);
  await writeFile(file, content);
  return file;
}

async function rowsOf(file: string): Promise<Row[]> {
  const rows: Row[] = [];
  for await (const block of readTable(file)) {
    expect(block.first).toBe(rows.length + 1);
    rows.push(...block.rows);
  }
  return rows;
}

const two = [
  { text: 'a, "b"', label: '1' },
  { text: 'c\nd é', label: '0' },
];

describe('readTable', () => {
  test.each<[string, string | Buffer, unknown]>([
    ['t.csv', 'text,label\n"a, ""b""",1\n"c\nd é",0\n', two],
    ['t.csv', '\uFEFFtext,label\r\n"a, ""b""",1\r\n\r\n"c\nd é",0', two],
    ['t.csv.gz', gzipSync('text,label\n"a, ""b""",1\n"c\nd é",0\n'), two],
    ['T.TSV', 'text\tlabel\na, "b"\t1\n"c\nd é"\t0\n', two],
    ['t.tsv.gz', gzipSync('text\tlabel\na, "b"\t1\n'), two.slice(0, 1)],
    ['t.csv', 'text,label\n', []],
    ['t.csv', '', []],
    [
      't.jsonl',
      '{"text":"é","label":1}\n\n{"text":"b","label":0.5}',
      [
        { text: 'é', label: 1 },
        { text: 'b', label: 0.5 },
      ],
    ],
    ['t.ndjson', '\uFEFF{"text":"é"}\r\n', [{ text: 'é' }]],
    ['t.json.gz', gzipSync('{"a":[1]}\n'), [{ a: [1] }]],
  ])('%s: %j', async (name, content, rows) => {
    expect(await rowsOf(await fileOf(name, content))).toEqual(rows);
  });

  test('blocks count on over a file of many', async () => {
    const lines = Array.from({ length: 2500 }, (_, i) => `{"n":${i}}\n`).join('');
    expect((await rowsOf(await fileOf('t.jsonl', lines))).at(-1)).toEqual({ n: 2499 });
    const csv = `n,t\n${Array.from({ length: 2500 }, (_, i) => `${i},${'x'.repeat(200)}\n`).join('')}`;
    expect((await rowsOf(await fileOf('t.csv', csv))).length).toBe(2500);
  });

  test.each<[string, string, string | Buffer, RegExp]>([
    [
      'a short row',
      't.csv',
      'a,b\n1,2\n3\n',
      /t\.csv: .*columns length is 2, got 1 \(line 3\); give every row as many/,
    ],
    ['a long row', 't.tsv', 'a\tb\n1\t2\t3\n', /got 3 \(line 2\)/],
    ['a quote never closed', 't.csv', 'a,b\n1,"x\n2,3\n', /Quote Not Closed.*\(line \d\); close the quote/],
    ['a column twice', 't.csv', 'a,a\n1,2\n', /different column names, got 'a' twice \(line 1\)/],
    ['a column without a name', 't.csv', 'a,\n1,2\n', /got an empty one/],
    [
      'Latin-1',
      't.csv',
      Buffer.concat([Buffer.from('a\nok\n'), Buffer.from([0x63, 0xe9, 0x0a])]),
      /expected UTF-8, got other bytes \(line 3\)/,
    ],
    ['UTF-16', 't.jsonl', Buffer.from('{"a":1}\n', 'utf16le').fill(0xff, 0, 1), /expected UTF-8.*\(line 1\)/],
    [
      'Latin-1 in the last line',
      't.jsonl',
      Buffer.concat([Buffer.from('{"a":1}\n'), Buffer.from([0xe9])]),
      /\(line 2\)/,
    ],
    ['broken JSON', 't.jsonl', '{"a":1}\n{"a":\n', /a JSON object in each line, got '\{"a":' \(line 2\)/],
    ['an array', 't.json', '[{"a":1}]', /got an array \(line 1\); write JSON lines/],
    ['a number', 't.jsonl', '{"a":1}\n7', /got 7 \(line 2\)/],
    ['damaged gzip', 't.csv.gz', gzipSync('a,b\n1,2\n'.repeat(500)).subarray(0, 40), /not a readable gzip file/],
    ['text called gzip', 't.csv.gz', 'a,b\n1,2\n', /not a readable gzip file/],
    ['an endless line', 't.jsonl', Buffer.alloc(2 ** 24 + 2 ** 19, 0x61), /lines of at most 16777216 bytes \(line 1\)/],
    ['an endless record', 't.csv', `a\n"${'x\n'.repeat(2 ** 23 + 2 ** 18)}`, /Max Record Size/],
  ])('refuses %s', async (_, name, content, message) => {
    const reading = rowsOf(await fileOf(name, content));
    await expect(reading).rejects.toThrow(message);
    await expect(reading).rejects.toMatchObject({ name: 'HubError', kind: 'input' });
  });

  test('refuses a file that is not there, and another format', async () => {
    await expect(rowsOf(join(await temporaryFolder(), 'x.csv'))).rejects.toThrow(/expected a data file, found none/);
    expect(() => readTable('x.arrow')).toThrow(/expected a name ending in \.parquet/);
  });

  test('may be left before its end', async () => {
    const file = await fileOf('t.csv', `a\n${'1\n'.repeat(100_000)}`);
    for await (const { rows } of readTable(file)) {
      expect(rows.length).toBe(1000);
      break;
    }
  });
});

describe('openDataset', () => {
  test('reads a folder: splits, rows over files, class names of the card', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'train'));
    await writeFile(join(folder, 'train/a.csv'), 'text,label\na,0\n');
    await writeFile(join(folder, 'train/b.csv'), 'text,label\nb,1\n');
    await writeFile(join(folder, 'dev.csv'), 'text,label\nc,1\n');
    const names = "class_label:\n        names:\n          '1': good\n          '0': bad";
    const card = `---\ndataset_info:\n  features:\n  - name: label\n    dtype:\n      ${names}\n---\n`;
    await writeFile(join(folder, 'README.md'), card);
    const { splits, fetch, commit } = await openDataset(folder, undefined);
    expect([[...splits].sort(), commit]).toEqual([['train', 'validation'], null]);
    const train = await fetch('train');
    const blocks: unknown[] = [];
    for await (const { file, rows } of train.read()) blocks.push([file, rows]);
    expect(blocks).toEqual([
      [join(folder, 'train/a.csv'), [{ text: 'a', label: '0' }]],
      [join(folder, 'train/b.csv'), [{ text: 'b', label: '1' }]],
    ]);
    expect(await train.classNames('label')).toEqual(['bad', 'good']);
    expect(await train.classNames('text')).toBeUndefined();
    await expect(fetch('test')).rejects.toThrow(/no files for the split 'test'; it has splits: /);
  });
});
