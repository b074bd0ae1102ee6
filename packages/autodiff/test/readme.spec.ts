import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import type { TrainableOptions } from '../src/trainable.js';

const folder = path.join(import.meta.dirname, '..');
const readme = readFileSync(path.join(folder, 'README.md'), 'utf8');
const examples = [...readme.matchAll(/```js\n(.*?)```/gs)].map((match) => match[1] as string);

it.each([...examples.entries()])(
  'example %i runs on the built packages and prints what it says',
  async (i, example) => {
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', example], {
      cwd: folder,
    });
    const promised = [...example.matchAll(/console\.log\(.*\/\/ (.*)/g)].map((match) => match[1]);
    expect(promised).toHaveLength([3, 5, 3][i] as number);
    expect(stdout.trimEnd().split('\n')).toEqual(promised);
  },
);

const options: Readonly<Record<keyof Required<TrainableOptions>, true>> = {
  loss: true,
  distill: true,
  terms: true,
  wrt: true,
  frozen: true,
  optimizer: true,
  noDecay: true,
  rates: true,
  masked: true,
  accumulate: true,
  guard: true,
  gradNorm: true,
  precision: true,
  lossScaling: true,
  emulatePrecision: true,
  dropout: true,
  masksTogether: true,
  stackLimit: true,
};

it('has a row for every option', () => {
  const table = readme.slice(readme.indexOf('## Options of'), readme.indexOf('## Optimizers'));
  expect([...table.matchAll(/^\| `(\w+)`/gm)].map((match) => match[1])).toEqual(Object.keys(options));
});
