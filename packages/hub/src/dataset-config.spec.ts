import { expect, test } from 'vitest';
import { readCard } from './card.js';
import { splitFiles, splitsOf } from './dataset-config.js';

const card = (yaml: string) => readCard(`---\n${yaml}\n---\n`);
const declared = card(`configs:
- config_name: a
  data_files:
  - split: train
    path: [x/one.parquet, x/two-*]
  - split: test
    path: x/test-*
- config_name: b
  default: true
  data_files: y/*.parquet`);
const none = card('license: mit');

test.each([
  [
    'a split of a declared configuration',
    declared,
    'a',
    'train',
    ['x/two-0.parquet', 'x/one.parquet'],
    ['x/one.parquet', 'x/two-0.parquet'],
  ],
  [
    'a name that starts another',
    declared,
    'a',
    'test',
    ['x/test-0.parquet', 'x/test_b-0.parquet'],
    ['x/test-0.parquet'],
  ],
  ['the default configuration', declared, undefined, 'train', ['y/0.parquet', 'x/one.parquet'], ['y/0.parquet']],
  [
    'shards in order',
    none,
    'sst2',
    'train',
    ['sst2/train-00001-of-00002.parquet', 'sst2/train-00000-of-00002.parquet'],
    ['sst2/train-00000-of-00002.parquet', 'sst2/train-00001-of-00002.parquet'],
  ],
  [
    'the folder data',
    none,
    undefined,
    'test',
    ['data/test-00000-of-00001.parquet', 'data/test_x-00000-of-00001.parquet'],
    ['data/test-00000-of-00001.parquet'],
  ],
  ['a plain name', none, undefined, 'train', ['train.parquet', 'README.md'], ['train.parquet']],
])('%s', (_, of, config, split, files, expected) => {
  expect(splitFiles(of, files, { title: 'data set x', config, split })).toEqual(expected);
});

test.each([
  [
    'an unknown configuration',
    none,
    'c',
    'train',
    ['a/train.parquet', 'b/train.parquet'],
    /no data files for the configuration 'c'; it has configurations: a, b/,
  ],
  ['an unknown split', declared, 'a', 'dev', ['x/one.parquet'], /split 'dev'; it has splits: train/],
  [
    'a missing shard',
    none,
    'a',
    'train',
    ['a/train-00000-of-00003.parquet'],
    /expected 3 files like a\/train-00000-of-00003.parquet, got 1/,
  ],
  [
    'another format',
    card('configs:\n- config_name: a\n  data_files: "*.arrow"'),
    'a',
    'train',
    ['t.arrow'],
    /expected files named \.parquet, .*got t\.arrow/,
  ],
])('%s is an input error', (_, of, config, split, files, message) => {
  const call = () => splitFiles(of, files, { title: 'data set x', config, split });
  expect(call).toThrow(message);
  expect(call).toThrow(expect.objectContaining({ kind: 'input' }));
});

const splits = (files: string[], config?: string, of = none) =>
  Object.fromEntries(splitsOf(of, files, { title: 'data set x', config }));

test.each<[string, string[], string | undefined, Record<string, string[]>]>([
  [
    'a file a split',
    ['train.csv', 'dev.csv', 'test.csv', 'README.md'],
    undefined,
    { train: ['train.csv'], validation: ['dev.csv'], test: ['test.csv'] },
  ],
  [
    'packed lines',
    ['train.jsonl.gz', 'valid.jsonl.gz'],
    undefined,
    { train: ['train.jsonl.gz'], validation: ['valid.jsonl.gz'] },
  ],
  [
    'a folder a split',
    ['train/a.tsv', 'train/b.tsv', 'val/a.tsv'],
    undefined,
    { train: ['train/a.tsv', 'train/b.tsv'], validation: ['val/a.tsv'] },
  ],
  [
    'shards in data/',
    ['data/train-00000-of-00002.parquet', 'data/train-00001-of-00002.parquet', 'data/test-00000-of-00001.parquet'],
    undefined,
    {
      test: ['data/test-00000-of-00001.parquet'],
      train: ['data/train-00000-of-00002.parquet', 'data/train-00001-of-00002.parquet'],
    },
  ],
  [
    'a split’s name within a file’s',
    ['reviews-train.csv', 'reviews_dev.csv'],
    undefined,
    { train: ['reviews-train.csv'], validation: ['reviews_dev.csv'] },
  ],
  ['names that say nothing', ['b.csv', 'a.csv'], undefined, { train: ['a.csv', 'b.csv'] }],
  ['other JSON beside the data', ['reviews.csv', 'dataset_infos.json'], undefined, { train: ['reviews.csv'] }],
  ['JSON that is the data', ['train.json', 'test.json'], undefined, { test: ['test.json'], train: ['train.json'] }],
  [
    'a configuration’s folder',
    ['a/train.csv', 'b/train.csv', 'b/test_x.csv'],
    'b',
    { test_x: ['b/test_x.csv'], train: ['b/train.csv'] },
  ],
])('splits of %s', (_, files, config, expected) => {
  expect(splits(files, config)).toEqual(expected);
});

test('a split asked by another of its names', () => {
  const name = { title: 'data set x', config: undefined, split: 'validation' };
  const of = card('configs:\n- config_name: a\n  data_files:\n  - split: dev\n    path: x.csv');
  expect(splitFiles(of, ['x.csv'], name)).toEqual(['x.csv']);
});

test.each([
  ['several configurations', ['a/train.csv', 'b/train.csv'], /has configurations: a, b/],
  [
    'two formats of one split',
    ['train.csv', 'train.parquet'],
    /expected one format for the split 'train', got train\.csv, train\.parquet/,
  ],
  [
    'a program in place of data',
    ['README.md', 'iwslt2017.py'],
    /got a loading script, which is not run; .*--dataset-revision refs\/convert\/parquet$/,
  ],
  ['no data', ['README.md'], /no data files for the configuration 'default'; it has configurations: none/],
])('%s without a choice are an input error', (_, files, message) => {
  expect(() => splits(files)).toThrow(message);
});
