import { describe, expect, test } from 'vitest';
import { compare, largest } from './compare.js';

const values = (entries: Record<string, readonly number[]>) => new Map(Object.entries(entries));
const expected = { logits: [2, -1], loss: [0.5], 'grad.w': [10, 0], 'grad.b': [0, 0] };

describe('tolerance: 1e-4 of the tensor’s largest magnitude and 2e-6 of the model’s largest gradient', () => {
  test.each<[what: string, changed: Record<string, readonly number[]>, bad: string[]]>([
    ['equal', {}, []],
    ['a logit within 2e-4', { logits: [2.00021, -1] }, []],
    ['a logit beyond', { logits: [2.00023, -1] }, ['logits']],
    ['rounding noise where the gradient is 0', { 'grad.b': [1.9e-5, -1.9e-5] }, []],
    ['more than noise there', { 'grad.b': [2.1e-5, 0] }, ['grad.b']],
    ['not a number', { 'grad.w': [Number.NaN, 0] }, ['grad.w']],
    ['infinite', { loss: [Number.POSITIVE_INFINITY] }, ['loss']],
    ['another size', { 'grad.w': [10, 0, 0] }, ['grad.w']],
    ['all zero', { logits: [0, 0] }, ['logits']],
  ])('%s', (_, changed, bad) => {
    const { rows, ok } = compare(values({ ...expected, ...changed }), values(expected));
    expect(rows.filter((row) => !row.ok).map((row) => row.name)).toEqual(bad);
    expect(ok).toBe(bad.length === 0);
  });
});

test('a tensor that only one side has fails', () => {
  const { 'grad.b': _, ...without } = expected;
  expect(compare(values(without), values(expected)).rows[0]).toEqual({
    name: 'grad.b',
    maxAbs: null,
    relative: null,
    ok: false,
    problem: 'missing in the model',
  });
  expect(compare(values(expected), values(without)).rows[0]?.problem).toBe('missing in the golden file');
});

test('rows come worst first, measured in tolerances', () => {
  const changed = { ...expected, loss: [0.6], 'grad.w': [10.0001, 0], logits: [2, -1.0001] };
  const { rows } = compare(values(changed), values(expected));
  expect(rows.map((row) => row.name)).toEqual(['loss', 'logits', 'grad.w', 'grad.b']);
  expect(rows[0]?.maxAbs).toBeCloseTo(0.1);
  expect(rows[0]?.relative).toBeCloseTo(0.2);
  expect(rows[3]?.relative).toBeNull();
});

test('a golden value that is no number never passes', () => {
  const broken = values({ ...expected, loss: [Number.NaN] });
  expect(compare(broken, broken).ok).toBe(false);
});

test('largest magnitude', () => {
  expect([largest([]), largest([-3, 2]), largest([1, Number.NaN, 2])]).toEqual([0, 3, Number.NaN]);
});
