import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const folder = path.join(import.meta.dirname, '..');

test('the README’s example runs on the built packages and prints what it says', async () => {
  const example = readFileSync(path.join(folder, 'README.md'), 'utf8').match(/```js\n(.*?)```/s)?.[1] ?? '';
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', example], {
    cwd: folder,
  });
  const promised = [...example.matchAll(/console\.log\(.*\/\/ (.*)/g)].map((match) => match[1]);
  expect(promised).toHaveLength(3);
  expect(stdout.trimEnd().split('\n')).toEqual(promised);
});
