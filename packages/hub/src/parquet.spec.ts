import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sharedHub, temporaryFolder } from '../test/local.js';
import { readCard } from './card.js';
import { dataset } from './dataset.js';
import { configsOf } from './dataset-config.js';
import { readParquet } from './parquet.js';

const glue = join(sharedHub, 'datasets/nyu-mll/glue');
const small = join(glue, 'wnli/validation-00000-of-00001.parquet');

describe.skipIf(!existsSync(glue))('real parquet files (skipped without the shared data sets)', () => {
  test.each([
    'nyu-mll/glue',
    'stanfordnlp/snli',
    'multi30k/task1-de-en',
    'knkarthick/dialogsum',
    'abisee/cnn_dailymail',
  ])('%s has the rows its card states', async (id) => {
    const card = readCard(await readFile(join(sharedHub, 'datasets', id, 'README.md'), 'utf8'));
    const stated = [card.frontMatter.dataset_info].flat() as {
      config_name: string;
      features: { name: string }[];
      splits: { name: string; num_examples: number }[];
    }[];
    expect(stated.map((one) => one.config_name)).toEqual(configsOf(card).map((one) => one.config_name));
    for (const { config_name, features, splits } of stated) {
      for (const { name, num_examples } of splits) {
        const { rows } = await dataset(join(sharedHub, 'datasets', id), config_name, name);
        expect(rows.length, `${config_name} ${name}`).toBe(num_examples);
        expect(Object.keys(rows[0] ?? {})).toEqual(features.map((feature) => feature.name));
      }
    }
  });

  test('values: text, class labels and structs', async () => {
    const { rows } = await dataset(glue, 'sst2', 'validation');
    expect(rows[0]).toEqual({ sentence: "it 's a charming and often affecting journey . ", label: 1, idx: 0 });
    const pairs = await dataset(join(sharedHub, 'datasets/multi30k/task1-de-en'), undefined, 'test');
    expect(Object.keys(pairs.rows[0]?.translation as object)).toEqual(['de', 'en']);
  });

  const damages: [string, (bytes: Buffer) => Buffer][] = [
    ['cut short', (bytes) => bytes.subarray(0, bytes.length / 2)],
    ['empty', () => Buffer.alloc(0)],
    ['text', () => Buffer.from('version https://git-lfs.github.com/spec/v1\n')],
    [
      'with a footer of zeros',
      (bytes) => Buffer.from(bytes).fill(0, bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8), bytes.length - 8),
    ],
    [
      'with a footer longer than the file',
      (bytes) => Buffer.concat([bytes.subarray(0, -8), Buffer.from('ffffff7f50415231', 'hex')]),
    ],
    [
      'with pages of 0xff',
      (bytes) => Buffer.concat([bytes.subarray(0, 4), Buffer.alloc(2000, 255), bytes.subarray(2004)]),
    ],
    ['with its middle cut out', (bytes) => Buffer.concat([bytes.subarray(0, 100), bytes.subarray(1500)])],
  ];
  test.each(damages)('a file %s gives one clear line', async (_, damage) => {
    const file = join(await temporaryFolder(), 'train.parquet');
    await writeFile(file, damage(await readFile(small)));
    const error = await readParquet(file).catch((reason: Error) => reason);
    expect(error).toMatchObject({ name: 'HubError', kind: 'input' });
    expect((error as Error).message).toMatch(/^hub: .*train\.parquet: .*[^\n]*$/);
  });

  // No single flipped byte may end in anything but rows or our own error.
  test('a file with any byte changed never brings the process down', async () => {
    const folder = await temporaryFolder();
    const bytes = await readFile(small);
    for (let i = 0; i < bytes.length; i += 97) {
      const changed = Buffer.from(bytes);
      changed[i] = (changed[i] ?? 0) ^ 0xff;
      const file = join(folder, `${i}.parquet`);
      await writeFile(file, changed);
      const result = await readParquet(file).catch((reason: Error) => reason);
      expect(Array.isArray(result) || (result as Error).name, `byte ${i}`).toSatisfy(
        (it) => it === true || it === 'HubError',
      );
    }
  });
});

test('a file that is not there', async () => {
  await expect(readParquet('nowhere.parquet')).rejects.toMatchObject({
    kind: 'input',
    message: /nowhere\.parquet: expected/,
  });
});
