import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { labelMetrics, metrics } from './metrics.js';

const golden = path.resolve(import.meta.dirname, '../../../../../shared/golden/metrics');
// The files hold null where the reference gives no finite number.
type Expected = Record<string, number | null>;
const read = <T>(name: string): (T & Expected & { name: string })[] =>
  existsSync(golden) ? JSON.parse(readFileSync(path.join(golden, name), 'utf8')).cases : [];

function expectClose(actual: number, expected: number | null | undefined) {
  if (expected === null) expect(actual).toBeNaN();
  else expect(Math.abs(actual - expected!)).toBeLessThanOrEqual(1e-12);
}

describe.skipIf(!existsSync(golden))('against scikit-learn (skipped without ../shared/golden)', () => {
  it.each(read<{ labels: number[]; predictions: number[] }>('classification.json'))('$name', (c) => {
    const { labels, predictions } = c as unknown as { labels: number[]; predictions: number[] };
    expectClose(metrics.accuracy(predictions, labels).accuracy, c.accuracy);
    expectClose(metrics.matthewsCorrelation(predictions, labels).matthews_correlation, c.matthews);
    for (const average of ['macro', 'micro', 'weighted'] as const) {
      expectClose(metrics.f1(predictions, labels, { average }).f1, c[`f1_${average}`]);
    }
    if (c.f1_binary === undefined) expect(() => metrics.f1(predictions, labels)).toThrow(/two classes/);
    else expectClose(metrics.f1(predictions, labels).f1, c.f1_binary);
  });
});

describe.skipIf(!existsSync(golden))('against scipy (skipped without ../shared/golden)', () => {
  it.each(read<{ x: number[]; y: number[] }>('correlation.json'))('$name', (c) => {
    const { x, y } = c as unknown as { x: number[]; y: number[] };
    expectClose(metrics.pearson(x, y).pearson, c.pearson);
    expectClose(metrics.spearman(x, y).spearmanr, c.spearman);
    // Both are symmetric.
    expectClose(metrics.pearson(y, x).pearson, c.pearson);
    expectClose(metrics.spearman(y, x).spearmanr, c.spearman);
  });
});

describe('degenerate input', () => {
  it.each(Object.entries(labelMetrics))('%s: NaN without examples, an error for unequal counts', (name, metric) => {
    expect(Object.values(metric([], [])) as number[]).toEqual([Number.NaN]);
    expect(() => metric([1, 0], [1])).toThrow(`${name}: expected one reference a prediction, got 2 predictions and 1`);
  });

  it.each([
    ['one point', [1], [2], Number.NaN],
    ['constant predictions', [0.5, 0.5, 0.5], [1, 2, 3], Number.NaN],
    ['NaN among the predictions', [Number.NaN, 1, 2], [1, 2, 3], Number.NaN],
    ['values whose squares overflow', [1e300, -1e300, 0], [1, -1, 0], 1],
    ['values whose squares underflow', [1e-300, 2e-300, 3e-300], [1, 2, 3], 1],
  ])('correlations: %s', (_, x, y, expected) => {
    if (Number.isNaN(expected))
      expect([metrics.pearson(x, y).pearson, metrics.spearman(x, y).spearmanr]).toEqual([Number.NaN, Number.NaN]);
    else {
      expect(metrics.pearson(x, y).pearson).toBeCloseTo(expected, 12);
      expect(metrics.spearman(x, y).spearmanr).toBeCloseTo(expected, 12);
    }
  });

  it('takes typed arrays, as a model gives them', () => {
    expect(metrics.accuracy(Int32Array.of(1, 0, 1, 1), Int32Array.of(1, 0, 0, 1))).toEqual({ accuracy: 0.75 });
    expect(metrics.spearman(Float32Array.of(3, 1, 2), Float32Array.of(3, 1, 2)).spearmanr).toBeCloseTo(1, 12);
  });

  it('f1: two classes without class 1 have no positive one', () => {
    expect(() => metrics.f1([0, 2], [2, 0])).toThrow(/got 0, 2; choose average/);
    expect(metrics.f1([-1, 1], [1, 1]).f1).toBeCloseTo(2 / 3, 12);
  });
});
