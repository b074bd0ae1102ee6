import { expect, test } from 'vitest';
import { degrees, type OutGrouping } from '../degree.js';
import type { Matrix } from '../layer.js';
import { attentionPenalty, attentionThresholds } from './attention.js';
import { neuronPenalty } from './neurons.js';

const matrix = (rows: number, cols: number, data: number[]): Matrix => ({
  name: 'w',
  rows,
  cols,
  data: Float32Array.from(data),
});

const mlp = { intermediate: [matrix(2, 2, [1, 0, 2, 2])], contraction: matrix(2, 2, [0, 1, 0, -1]) };

test.each<[OutGrouping, number, number[]]>([
  ['row', 2 + 4 + 4, [0, 2, 0, -2]], // degrees of output rows: 1/2, 1/2
  ['unit', 2 + 4 + 2, [0, 1, 0, -1]], // of columns: 0 (clamped), 1
  ['joint', 2 + 4 + 2, [0, 1, 0, -1]], // means with L_in: 1/4 (clamped to 1/2), 1
])('neuron penalty grouped by %s', (grouping, value, outGradient) => {
  const penalty = neuronPenalty(mlp, grouping);
  expect(penalty.value).toBe(value);
  expect(penalty.gradients.map((g) => [...g])).toEqual([[2, 0, 1, 1], outGradient]);
});

test('the gradient is the slope of the value while degrees hold', () => {
  const value = () => neuronPenalty(mlp, 'row').value;
  const { gradients } = neuronPenalty(mlp, 'row');
  const before = value();
  mlp.intermediate[0]!.data[2]! += 0.5;
  expect(value() - before).toBeCloseTo(0.5 * gradients[0]![2]!, 6);
  mlp.intermediate[0]!.data[2]! -= 0.5;
});

test('input dimensions with nothing left get no pull, and finite thresholds', () => {
  const qkv = [matrix(2, 2, [1, 0, -3, 0])];
  const { value, gradients } = attentionPenalty(qkv);
  expect(value).toBe(2);
  expect([...gradients[0]!]).toEqual([0.25, 0, -0.25, 0]);
  expect(attentionThresholds(qkv, 1).every(Number.isFinite)).toBe(true);
  expect(degrees(qkv[0]!, 'column')[1]).toBe(0);
});
