import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, it } from 'vitest';

const folder = path.resolve(import.meta.dirname, '..');

it('the example of the README prints what the README says', () => {
  const readme = readFileSync(path.join(folder, 'README.md'), 'utf8');
  const [, code, printed] = /```js\n([\s\S]*?)```[\s\S]*?```\n([\s\S]*?)```/.exec(readme) ?? [];
  const built = pathToFileURL(path.join(folder, 'dist/index.js')).href;
  const work = mkdtempSync(path.join(tmpdir(), 'onnx-readme-'));
  try {
    const source = (code ?? '').replace("'@neuroprune/onnx'", `'${built}'`);
    const output = execFileSync(process.execPath, ['--input-type=module', '-e', source], {
      cwd: work,
      encoding: 'utf8',
    });
    expect(output.trim()).toBe((printed ?? '-').trim());
  } finally {
    rmSync(work, { recursive: true });
  }
});
