import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { type Architecture, architectures } from '@neuroprune/models';
import { describe, expect, onTestFinished, test } from 'vitest';
// @ts-expect-error plain JavaScript
import { cellOf, classesOf, columns, pageOf, reportOf, specs } from '../tools/models/table.mjs';
import { root } from './workspace.js';

const page = readFileSync(path.join(root, 'docs/models.md'), 'utf8');
const [first = '', second = ''] = page.split('## Heads');
const rowsOf = (text: string) =>
  text.split('\n').filter((line) => line.startsWith('| `') && !line.includes('model_type'));
const rows = rowsOf(first);
const cellsOf = (row: string) =>
  row
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim());

/** Without what a formatter adds to tables. */
const laidOut = (text: string) => text.replace(/ +/g, ' ').replace(/-{3,}/g, '---');

describe('docs/models.md', () => {
  test('has a row for each architecture', () => {
    expect(rows.map((row) => cellsOf(row)[0])).toEqual(
      Object.keys(architectures)
        .sort()
        .map((type) => `\`${type}\``),
    );
  });

  test('names the classes that each declares', () => {
    const classes = Object.values(architectures)
      .map(({ modelType, classNames, classifier }: Architecture) => {
        const names = Object.values({ ...classNames, ...classifier?.classNames });
        return `\`${modelType}\` ${names.map((name) => `\`${name}\``)}`;
      })
      .sort();
    expect(rowsOf(second).map((row) => cellsOf(row).join(' ').replaceAll(', ', ','))).toEqual(classes);
  });

  // Tests that fail are told where they stand; this one is about a page that is not what they say, or no longer.
  test('says of each cell what the tests give, none left out or made up', { timeout: 120_000 }, () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'models-page-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const list = path.join(folder, 'list.json');
    execFileSync('npx', ['vitest', 'list', ...specs, `--json=${list}`], { cwd: root });
    const listed = JSON.parse(readFileSync(list, 'utf8'));
    expect(new Set(listed.map(({ file }: { file: string }) => path.relative(root, file)))).toEqual(new Set(specs));
    const expected: string = pageOf(reportOf(listed), Object.keys(architectures), classesOf(architectures));
    expect(laidOut(page), 'node tools/models/models.mjs writes it anew').toBe(laidOut(expected));
  });

  test('shows no test that failed, and every family converted', () => {
    expect(page).not.toContain('| fails');
    for (const row of rows) expect(cellsOf(row)[1], row).toMatch(/^✓ \d+$/);
  });
});

describe('a cell', () => {
  const tests = (...given: [title: string, status: string][]) =>
    given.map(([title, status]) => ({ titles: [title], status }));
  const convert = (...given: [string, string][]) => cellOf(tests(...given), 'opt', columns.convert);
  const said = (name: string) => `${name}: logits, loss and the gradient of every parameter`;

  test.each<[what: string, expected: string, given: [string, string][]]>([
    ['nothing', '–', []],
    ['another family', '–', [[said('tiny-random/opt-like'), 'passed']]],
    ['a skipped test', '–', [[said('tiny-random/opt'), 'skipped']]],
    [
      'two names of the family',
      '✓ 2',
      [
        [said('tiny-random/opt'), 'passed'],
        [said('tiny-random/opt-350m-style'), 'passed'],
      ],
    ],
    [
      'one of two that fails',
      'fails',
      [
        [said('tiny-random/opt'), 'passed'],
        [said('opt-350m-style'), 'failed'],
      ],
    ],
  ])('of %s', (_, expected, given) => {
    expect(convert(...given)).toBe(expected);
  });

  test('stands in the page', () => {
    const result = { title: said('masked-lm/bert'), ancestorTitles: ['x'], status: 'passed' };
    const text: string = pageOf({ testResults: [{ assertionResults: [result] }] }, ['bert', 'albert']);
    expect(text).toContain('| `albert` | – | – | – | – | – | – | – |\n| `bert` | ✓ 1 | – | – | – | – | – | – |');
  });
});
