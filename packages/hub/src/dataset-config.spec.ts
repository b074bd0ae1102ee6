import { expect, test } from 'vitest';
import { readCard } from './card.js';
import { splitFiles } from './dataset-config.js';

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
    /no parquet files for 'c'.*it has configurations: a, b/,
  ],
  ['an unknown split', declared, 'a', 'dev', ['x/one.parquet'], /split 'dev'; it has splits: train, test/],
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
    card('configs:\n- config_name: a\n  data_files: "*.csv"'),
    'a',
    'train',
    ['t.csv'],
    /expected parquet files, got t\.csv/,
  ],
])('%s is an input error', (_, of, config, split, files, message) => {
  const call = () => splitFiles(of, files, { title: 'data set x', config, split });
  expect(call).toThrow(message);
  expect(call).toThrow(expect.objectContaining({ kind: 'input' }));
});
