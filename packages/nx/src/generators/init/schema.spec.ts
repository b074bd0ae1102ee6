import { readFile, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { initSchema } from './options.js';

const committed = new URL('./schema.json', import.meta.url);

test('schema.json is the one of the options (UPDATE_SCHEMAS=1 writes it)', async () => {
  if (process.env.UPDATE_SCHEMAS === '1') await writeFile(committed, `${JSON.stringify(initSchema(), null, 2)}\n`);
  expect(JSON.parse(await readFile(committed, 'utf8'))).toEqual(initSchema());
});
