import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../test/shared.js';
import { openBatchLog } from './batch-log.js';

const first = { rows: [3, 1], logits: [[0.1, -2].map(Math.fround), [1e-7, 12345.678].map(Math.fround)] };
const second = {
  rows: [0, 2],
  logits: [
    [1, 2],
    [3, 4],
  ],
};

async function written(): Promise<string> {
  const file = path.join(await temporaryFolder(), 'a', 'log.ndjson');
  await using log = await openBatchLog(file, 'key', { resume: true });
  expect(log.find([3, 1])).toBeUndefined();
  await Promise.all([log.add(first.rows, first.logits), log.add(second.rows, second.logits)]);
  return file;
}

it('finds the batches of before, bit by bit, and none of other rows', async () => {
  const file = await written();
  await using log = await openBatchLog(file, 'key', { resume: true });
  expect(log.find([3, 1])).toEqual(first.logits);
  expect(log.find([0, 2])).toEqual(second.logits);
  for (const rows of [[3], [3, 1, 0], [1, 3], [0, 4], []]) expect(log.find(rows)).toBeUndefined();
});

it('drops a line that was cut anywhere, and goes on after the one before', async () => {
  const file = await written();
  const whole = await readFile(file);
  const lineTwo = whole.indexOf(0x0a, whole.indexOf(0x0a) + 1) + 1;
  for (const end of [lineTwo, lineTwo + 1, lineTwo + 9, whole.length - 2, whole.length - 1]) {
    await writeFile(file, whole.subarray(0, end));
    {
      await using log = await openBatchLog(file, 'key', { resume: true });
      expect([log.find([3, 1]), log.find([0, 2])]).toEqual([first.logits, undefined]);
      await log.add(second.rows, second.logits);
    }
    expect((await readFile(file)).equals(whole)).toBe(true);
  }
});

it('takes nothing after a damaged line, nor from a torn header', async () => {
  const file = await written();
  const lines = (await readFile(file, 'utf8')).split('\n');
  await writeFile(file, [lines[0], '{"rows":[3,1],"values":[[1,2]]}', lines[2], ''].join('\n'));
  {
    await using log = await openBatchLog(file, 'key', { resume: true });
    expect([log.find([3, 1]), log.find([0, 2])]).toEqual([undefined, undefined]);
  }
  expect(await readFile(file, 'utf8')).toBe(`${lines[0]}\n`);
  await writeFile(file, '{"ke');
  await using log = await openBatchLog(file, 'key', { resume: true });
  expect(log.find([3, 1])).toBeUndefined();
  expect(await readFile(file, 'utf8')).toBe(`${lines[0]}\n`);
});

it('refuses the log of another key, and starts anew where it need not resume', async () => {
  const file = await written();
  const other = openBatchLog(file, 'other', { resume: true });
  await expect(other).rejects.toThrow(/log\.ndjson: expected a scoring of the same model, data and options/);
  await expect(other).rejects.toMatchObject({ kind: 'input' });
  await using log = await openBatchLog(file, 'other', { resume: false });
  expect(log.find([3, 1])).toBeUndefined();
  expect(await readFile(file, 'utf8')).toBe('{"key":"other"}\n');
});
