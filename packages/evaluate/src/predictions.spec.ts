import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { temporaryFolder } from '../test/shared.js';
import type { Prediction } from './evaluate.js';
import { findPredictions, keepPredictions, writePredictions } from './predictions.js';

it('writes one line a row, from which every float32 comes back', async () => {
  const file = path.join(await temporaryFolder(), 'predictions', 'mrpc.ndjson');
  const logits = [0.1, -1e-8, 1 / 3].map(Math.fround);
  await writePredictions(file, [
    { id: 9, label: 1, prediction: 2, logits },
    { id: 3, label: 4.75, prediction: Math.fround(4.1), logits: [Math.fround(4.1)] },
  ]);
  const text = await readFile(file, 'utf8');
  expect(text).toBe(
    '{"id":9,"label":1,"prediction":2,"logits":[0.100000001,-9.99999994e-9,0.333333343]}\n{"id":3,"label":4.75,"prediction":4.0999999,"logits":[4.0999999]}\n',
  );
  expect(JSON.parse(text.split('\n')[0]!).logits.map(Math.fround)).toEqual(logits);
  expect(await readdir(path.dirname(file))).toEqual(['mrpc.ndjson']);
});

it('replaces a file and leaves no temporary one behind when it cannot', async () => {
  const folder = await temporaryFolder();
  const file = path.join(folder, 'rte.ndjson');
  await writePredictions(file, [{ id: 0, label: 1, prediction: 1, logits: [0, 1] }]);
  await writePredictions(file, []);
  expect(await readFile(file, 'utf8')).toBe('');

  const taken = path.join(folder, 'taken.ndjson');
  await mkdir(path.join(taken, 'full'), { recursive: true });
  await expect(writePredictions(taken, [])).rejects.toThrow();
  expect((await readdir(folder)).sort()).toEqual(['rte.ndjson', 'taken.ndjson']);
});

it('keeps predictions and finds them bit by bit; a file that was changed anywhere is corrupt', async () => {
  const file = path.join(await temporaryFolder(), 'kept.ndjson');
  expect(await findPredictions(file)).toBeUndefined();
  const kept: Prediction[] = [
    { id: 4, label: 1, prediction: 1, logits: [0.1, 1 / 3].map(Math.fround) },
    { id: 2, label: Number.NaN, prediction: 0, logits: [1e-9, -7.25].map(Math.fround) },
    { id: 3, label: 2.123456789, prediction: Math.fround(2.1), logits: [Math.fround(2.1)] },
  ];
  await keepPredictions(file, kept);
  expect(await findPredictions(file)).toEqual(kept);
  const text = await readFile(file, 'utf8');
  for (const changed of [text.slice(0, -3), text.replace('"id":4', '"id":5'), text.slice(20), '', `${text}x`]) {
    await writeFile(file, changed);
    expect(await findPredictions(file)).toBe('corrupt');
  }
});
