import { expect, test } from 'vitest';
// @ts-expect-error: plain JavaScript, so that tests run before anything is built
import { countLine, sum, vitestCount } from '../count.mjs';

const file = (status: string, ...tests: string[]) => ({
  status,
  assertionResults: tests.map((of) => ({ status: of })),
});
const report = { numPassedTests: 3, numFailedTests: 0, numPendingTests: 1, numTodoTests: 1 };

test.each([
  ['all well', { ...report, testResults: [file('passed', 'passed')] }, 0, '3 passed, 0 failed, 2 skipped'],
  [
    'a failed test',
    { ...report, numFailedTests: 1, testResults: [file('failed', 'failed')] },
    1,
    '3 passed, 1 failed, 2 skipped',
  ],
  ['a file that does not load', { ...report, testResults: [file('failed')] }, 1, '3 passed, 1 failed, 2 skipped'],
  ['an error outside of tests', { ...report, testResults: [] }, 1, '3 passed, 1 failed, 2 skipped'],
  ['no report at all', null, 1, '0 passed, 1 failed, 0 skipped'],
  ['killed', null, null, '0 passed, 1 failed, 0 skipped'],
])('%s', (_, result, code, line) => {
  expect(countLine(vitestCount(result, code))).toBe(line);
});

test('counts of runners add up', () => {
  const count = { passed: 1, failed: 2, skipped: 3 };
  expect(sum([count, count])).toEqual({ passed: 2, failed: 4, skipped: 6 });
  expect(sum([])).toEqual({ passed: 0, failed: 0, skipped: 0 });
});
