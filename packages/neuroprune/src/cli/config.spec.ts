import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readConfig } from './config.js';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'config-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function read(content: string): Promise<unknown> {
  await writeFile(path.join(folder, 'c.json'), content);
  return readConfig('c.json', 'prune', folder);
}

test.each([
  ['{"model": "m", "sparsity": 0.5}', { model: 'm', sparsity: 0.5 }],
  ['{"$schema": "x", "model": "m"}', { model: 'm' }],
  ['{"prune": {"model": "m"}, "publish": {"to": "a/b"}}', { model: 'm' }],
  ['{"prune": {}}', {}],
  ['{}', {}],
])('%s', async (content, options) => {
  expect(await read(content)).toEqual(options);
});

test.each([
  ['[1]', 'c.json: expected a JSON object, got [1]'],
  ['{"prune": 1}', 'prune in c.json: expected a JSON object, got 1'],
  ['{"publish": {}, "evaluate": {}}', 'c.json: expected a section prune, got publish, evaluate'],
  ['{', 'c.json: expected JSON, got '],
])('%s is refused', async (content, message) => {
  await expect(read(content)).rejects.toMatchObject({ kind: 'input', message: expect.stringContaining(message) });
});

test('a missing file is refused', async () => {
  const message = 'none.json: expected a readable JSON file, got ENOENT';
  await expect(readConfig('none.json', 'prune', folder)).rejects.toMatchObject({ kind: 'input', message });
});
