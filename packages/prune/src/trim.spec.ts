import { expect, test } from 'vitest';
import { countWeights, countZeros, kinds, type Matrix, matricesOf, type PrunableLayer } from './layer.js';
import { scores } from './score.js';
import { cutByKind, trim, zerosFor } from './trim.js';

const matrix = (name: string, rows: number, cols: number, scale: number): Matrix => ({
  name,
  rows,
  cols,
  data: Float32Array.from({ length: rows * cols }, (_, i) => scale * Math.sin(1 + i * 7.3)),
});

const layer = (scale: number): PrunableLayer => ({
  query: matrix('query', 4, 4, scale),
  key: matrix('key', 4, 4, scale),
  value: matrix('value', 4, 4, scale),
  output: matrix('output', 4, 4, 10 * scale),
  intermediate: [matrix('in', 9, 4, 100 * scale)],
  contraction: matrix('out', 4, 9, 100 * scale),
  biases: {},
  heads: 2,
});

test.each([
  [0.7, 10, 7],
  [0.55, 10, 6],
  [0, 10, 0],
  [1, 3, 3],
])('%f of %i weights is %i zeros', (sparsity, total, zeros) => {
  expect(zerosFor(sparsity, total)).toBe(zeros);
});

test.each([-0.1, 1.1, Number.NaN])('sparsity %f is refused', (sparsity) => {
  expect(() => zerosFor(sparsity, 10)).toThrow(/expected a fraction from 0 to 1/);
});

test('an event brings each kind to the target, whatever the scale of its weights', () => {
  const layers = [layer(1), layer(0.5)];
  const cut = cutByKind(layers, 0.6);
  for (const kind of kinds) {
    const matrices = matricesOf(layers, kind);
    expect(countZeros(matrices)).toBe(zerosFor(0.6, countWeights(matrices)));
    expect(cut[kind]).toBe(countZeros(matrices));
  }
  expect(cutByKind(layers, 0.6)).toEqual({ mlp: 0, qkv: 0, output: 0 });
});

test('the trim is exact over all kinds and spares none', () => {
  const layers = [layer(1), layer(0.5)];
  cutByKind(layers, 0.595);
  trim(matricesOf(layers), 0.6);
  expect(countZeros(matricesOf(layers))).toBe(zerosFor(0.6, countWeights(matricesOf(layers))));
});

test('gamma 0 scores are magnitudes, a buffer gives the same scores', () => {
  const layers = [layer(1)];
  const flat = scores(layers, 'mlp', { gamma: 0 });
  expect(flat.map((s) => [...s])).toEqual(matricesOf(layers, 'mlp').map((m) => [...m.data.map(Math.abs)]));
  const buffer = new Float32Array(100);
  expect(scores(layers, 'mlp', {}, buffer)).toEqual(scores(layers, 'mlp'));
  expect(buffer.some((v) => v !== 0)).toBe(true);
});

test('poorly connected neurons score less at the same magnitude', () => {
  const l = layer(1);
  l.intermediate[0]!.data.fill(1);
  l.contraction.data.fill(1);
  for (const row of [1, 2, 3]) l.contraction.data[row * 9 + 4] = 0;
  const [inner] = scores([l], 'mlp', { gamma: 1 });
  expect([inner![3 * 4], inner![4 * 4]]).toEqual([1, 0.625]); // (1 + 1/4) / 2
});

test('a layer with nothing left in Q, K, V scores zero, not NaN', () => {
  const l = layer(1);
  for (const m of matricesOf([l], 'qkv')) m.data.fill(0);
  expect(scores([l], 'qkv').flatMap((s) => [...s])).toEqual(new Array(48).fill(0));
});
