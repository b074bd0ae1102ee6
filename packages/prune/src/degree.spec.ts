import { expect, test } from 'vitest';
import { clampDegrees, degrees, expansionDegrees, jointDegrees } from './degree.js';
import type { Matrix } from './layer.js';

const matrix = (rows: number, cols: number, data: number[]): Matrix => ({
  name: 'w',
  rows,
  cols,
  data: Float32Array.from(data),
});

test.each([
  ['row', [1 / 3, 1]],
  ['column', [0.5, 0.5, 1]],
] as const)('degree of each %s counts |w| >= epsilon', (axis, expected) => {
  expect([...degrees(matrix(2, 3, [0, 1e-5, -1, 1, 2e-4, 3]), axis)]).toEqual(expected);
});

test('a neuron without connections counts as one connection in a divisor', () => {
  expect([...clampDegrees(Float64Array.of(0, 0.25, 1), 4)]).toEqual([0.25, 0.25, 1]);
});

test('gate and up are one neuron; its L_out column joins in the joint degree', () => {
  const mlp = {
    intermediate: [matrix(2, 2, [1, 0, 0, 0]), matrix(2, 2, [1, 1, 0, 0])],
    contraction: matrix(2, 2, [1, 0, 1, 1]),
  };
  expect([...expansionDegrees(mlp)]).toEqual([0.75, 0]);
  expect([...jointDegrees(mlp)]).toEqual([0.875, 0.25]);
});
