import { expect, test } from 'vitest';
import { budgets, exceeds, spread, summarize } from './budgets.js';
import { measure } from './measure.js';
import { excesses, table } from './table.js';

test.each([
  [[], { median: 0, p90: 0, max: 0 }],
  [[5], { median: 5, p90: 5, max: 5 }],
  [[3, 1, 2, 4], { median: 2, p90: 4, max: 4 }],
  [[10, 9, 8, 7, 6, 5, 4, 3, 2, 1], { median: 5, p90: 9, max: 10 }],
])('spread of %j', (lengths, expected) => {
  expect(spread(lengths)).toEqual(expected);
});

const long = `${'// x\n'.repeat(100)}export function long() {\n${'  run();\n'.repeat(100)}}\n`;
const source = measure('p/src/a.ts', long);
const summary = summarize('p', [source], [measure('p/src/a.spec.ts', 'test();\n'.repeat(202))]);

test('a summary of one long function', () => {
  expect(summary).toMatchObject({ files: 1, lines: 202, function: { max: 102 }, documented: 0, tests: 1 });
  expect(budgets.filter((budget) => exceeds(budget, summary)).map(({ title }) => title)).toEqual([
    ...['file med', 'fn med', 'p90', 'max', "doc'd", 'comment'],
  ]);
});

test('the table marks what exceeds, and the list names it', () => {
  const [, , row] = table([summary]).split('\n');
  expect(row?.split(/ +/)).toEqual([
    'p',
    '1',
    '202',
    '202!',
    '202',
    '202',
    '102!',
    '102!',
    '102!',
    '0',
    '%!',
    '50',
    '%!',
    '1.00',
    '',
  ]);
  expect(excesses([source])).toEqual([
    'p/src/a.ts: long has 102 lines, at most 80',
    'p/src/a.ts: long has no doc comment',
  ]);
});
