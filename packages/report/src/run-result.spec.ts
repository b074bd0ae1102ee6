import { describe, expect, test } from 'vitest';
import { parseRun, RunResult } from './run-result.js';
import { sampleRun } from './testing/sample.js';

const changed = (change: object) => JSON.stringify({ ...sampleRun, ...change });

test('a result survives the way through JSON', () => {
  expect(parseRun(JSON.stringify(sampleRun))).toEqual(sampleRun);
});

test('an early file without topology, a dense metric, a head target or a repository', () => {
  const { published: _, ...rest } = sampleRun;
  const run = parseRun(
    JSON.stringify({
      ...rest,
      heads: { total: 6, kept: 6 },
      structure: [{ layer: 0, heads: 3, hiddenUnits: 8 }],
      evaluation: [{ task: 'cola', split: 'validation', examples: 3, metrics: { matthews_correlation: null } }],
    }),
  );
  expect(run.published).toBeUndefined();
  expect(run.evaluation[0]!.metrics.matthews_correlation).toBeNaN();
});

test('NaN is a metric before it is written, too', () => {
  const evaluation = [
    { task: 'cola', split: 'validation', examples: 3, metrics: { matthews_correlation: Number.NaN } },
  ];
  expect(RunResult.safeParse({ ...sampleRun, evaluation }).success).toBe(true);
});

describe('refuses', () => {
  test.each([
    ['a share above one', { sparsity: { requested: 70, reached: 0.7 } }, /sparsity\.requested/],
    ['no heads', { heads: undefined }, /heads/],
    ['half a head', { heads: { total: 6, kept: 4.5 } }, /heads\.kept/],
    ['a negative difference', { proof: { examples: 1, maxAbsDifference: -1 } }, /proof\.maxAbsDifference/],
  ])('%s', (_, change, message) => {
    expect(() => parseRun(changed(change), 'runs/a/run.json')).toThrow(message);
    expect(() => parseRun(changed(change), 'runs/a/run.json')).toThrow(/^report: runs\/a\/run\.json: not the result/);
  });

  test('what is no JSON, as the mistake of the user', () => {
    expect(() => parseRun('{')).toThrow(expect.objectContaining({ name: 'ReportError', kind: 'input' }));
  });
});
