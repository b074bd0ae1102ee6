import { execFile } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryFolder } from './models.js';

const root = path.resolve(import.meta.dirname, '../../..');

test('the README’s example runs on the built package and prints what it says', async () => {
  const readme = readFileSync(path.join(import.meta.dirname, '../README.md'), 'utf8');
  const example = readme.match(/```js\n(.*?)```/s)?.[1] ?? '';
  const folder = await temporaryFolder();
  await mkdir(path.join(folder, 'runs'), { recursive: true });
  for (const name of ['fixtures', 'node_modules']) symlinkSync(path.join(root, name), path.join(folder, name));
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', example], {
    cwd: folder,
  });
  const promised = [...example.matchAll(/console\.log\(.*\/\/ (.*)/g)].map((match) => match[1]);
  expect(promised).toHaveLength(4);
  expect(stdout.trimEnd().split('\n')).toEqual(promised);
});
