import { expect, test } from 'vitest';
import type { Matrix, PrunableLayer } from './layer.js';
import { distribution, structureOf } from './structure.js';

const ones = (name: string, rows: number, cols: number): Matrix => ({
  name,
  rows,
  cols,
  data: new Float32Array(rows * cols).fill(1),
});

/** Hidden 4, two heads of 2, five units, all ones. */
const layer = (): PrunableLayer => ({
  query: ones('query', 4, 4),
  key: ones('key', 4, 4),
  value: ones('value', 4, 4),
  output: ones('output', 4, 4),
  intermediate: [ones('in', 5, 4)],
  contraction: ones('out', 4, 5),
  biases: {},
  heads: 2,
});

const zero = (m: Matrix, rows: readonly number[] | undefined, cols: readonly number[] | undefined) => {
  for (const r of rows ?? Array(m.rows).keys())
    for (const c of cols ?? Array(m.cols).keys()) m.data[r * m.cols + c] = 0;
};

test('a dense layer', () => {
  expect(structureOf([layer()])[0]).toMatchObject({
    layer: 0,
    heads: 2,
    hiddenUnits: 5,
    inputDims: 4,
    outputDims: 4,
    mlpInputDims: 4,
    mlpOutputDims: 4,
    zeros: 0,
    weights: { dense: 104, cut: 104, cutDimensions: 104 },
    headShares: [0.5, 0.5],
    degrees: { units: { neurons: 5, mean: 1, sd: 0 }, inputs: { neurons: 4, mean: 1, sd: 0 } },
  });
});

test.each<[string, (l: PrunableLayer) => void, object]>([
  ['an L_in row', (l) => zero(l.intermediate[0]!, [2], undefined), { hiddenUnits: 4, weights: { cut: 96 } }],
  ['an L_out column', (l) => zero(l.contraction, undefined, [0]), { hiddenUnits: 4, weights: { cut: 96 } }],
  ['value rows of a head', (l) => zero(l.value, [0, 1], undefined), { heads: 1, weights: { cut: 72 } }],
  ['output columns of a head', (l) => zero(l.output, undefined, [2, 3]), { heads: 1, weights: { cut: 72 } }],
  ['query rows of a head: it still averages', (l) => zero(l.query, [0, 1], undefined), { heads: 2 }],
  [
    'an input of Q, K, V where the live head looks',
    (l) => {
      zero(l.output, undefined, [0, 1]);
      for (const m of [l.query, l.key, l.value]) zero(m, [2, 3], [1]);
    },
    { heads: 1, inputDims: 3, weights: { cut: 72, cutDimensions: 3 * 2 * 3 + 8 + 40 } },
  ],
  [
    'an input that only a dead unit reads',
    (l) => {
      zero(l.contraction, undefined, [4]);
      zero(l.intermediate[0]!, [0, 1, 2, 3], [3]);
    },
    { hiddenUnits: 4, mlpInputDims: 3, mlpOutputDims: 4 },
  ],
  ['everything', (l) => l.value.data.fill(0), { heads: 0, inputDims: 0, outputDims: 0 }],
])('zeroing %s', (_, change, expected) => {
  const l = layer();
  change(l);
  expect(structureOf([l])[0]).toMatchObject(expected);
});

test('heads tell who absorbed them', () => {
  const l = layer();
  zero(l.value, [0, 1], undefined);
  const state = (into: number | null) =>
    structureOf([l], [{ layer: 0, head: 0, into, reason: into === null ? 'dropped' : 'absorbed' }])[0]!.headStates;
  expect(state(1)).toEqual([{ state: 'absorbed', into: 1 }, { state: 'kept' }]);
  expect(state(null)).toEqual([{ state: 'removed' }, { state: 'kept' }]);
});

test('distribution: sample deviation, the full degree in the last bin', () => {
  const d = distribution([0, 0.5, 1, 1]);
  expect(d.sd).toBeCloseTo(Math.sqrt(0.6875 / 3), 12);
  expect([d.mean, d.histogram[0], d.histogram[10], d.histogram[19]]).toEqual([0.625, 1, 1, 2]);
  expect(distribution([])).toMatchObject({ neurons: 0, mean: 0, sd: 0 });
});
