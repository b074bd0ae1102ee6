import { type DType, float32, GraphBuilder, int64, modelOf, type Tensor } from '@neuroprune/onnx';
import { describe, expect, it } from 'vitest';
import { evaluate } from '../test/evaluate.js';
import { gradients } from './gradients.js';
import { losses } from './loss.js';

async function loss(name: keyof typeof losses, output: Tensor, labels: Tensor, weights: number[]) {
  const builder = new GraphBuilder();
  const shape = ['batch', ...output.dims.slice(1)];
  const x = builder.input('x', 'float32', shape);
  const targets = {
    labels: builder.input('labels', losses[name].labels as DType, ['batch']),
    weights: builder.input('weights', 'float32', ['batch']),
  };
  builder.output(losses[name].build(builder, x, targets), 'loss');
  const model = gradients(modelOf(builder.graph), { of: 'loss', wrt: ['x'] });
  const result = await evaluate(model, { x: output, labels, weights: float32(weights) });
  return { value: result.loss?.data[0] as number, gradient: Array.from(result['grad.x']?.data as Float32Array) };
}

const logits = [
  [1, 2, -1],
  [100, -100, 0],
  [0.5, 0.25, 0.125],
];
const labels = [2, 1, 0];

/** Weighted mean of -log softmax[label] and its gradient (softmax - one-hot)·w/Σw. */
function expected(weights: number[]) {
  const total = weights.reduce((a, b) => a + b, 0);
  const rows = logits.map((row, i) => {
    const top = Math.max(...row);
    const logSum = top + Math.log(row.reduce((s, x) => s + Math.exp(x - top), 0));
    const share = (weights[i] as number) / total;
    const gradient = row.map((x, j) => share * (Math.exp(x - logSum) - (j === labels[i] ? 1 : 0)));
    return { value: share * (logSum - (row[labels[i] as number] as number)), gradient };
  });
  return { value: rows.reduce((s, r) => s + r.value, 0), gradient: rows.flatMap((r) => r.gradient) };
}

describe('cross entropy', () => {
  it.each([[[1, 1, 1]], [[1, 0, 1]], [[0, 1, 0]]])('is the weighted mean over rows: %j', async (weights) => {
    const got = await loss('crossEntropy', float32(logits.flat(), [3, 3]), int64(labels), weights);
    const want = expected(weights);
    expect(got.value).toBeCloseTo(want.value, 4);
    got.gradient.forEach((g, i) => void expect(g).toBeCloseTo(want.gradient[i] as number, 6));
  });
  it('is 0 over filler rows alone', async () => {
    const got = await loss('crossEntropy', float32(logits.flat(), [3, 3]), int64(labels), [0, 0, 0]);
    expect([got.value, ...got.gradient].every((x) => Math.abs(x) === 0)).toBe(true);
  });
  it('wants classes', async () => {
    await expect(loss('crossEntropy', float32([1]), int64([0]), [1])).rejects.toThrow(
      'expected an output [batch, classes]',
    );
  });
});

describe('mean squared error', () => {
  it.each([[[3]], [[3, 1]]])('is the weighted mean over rows, output %j', async (dims) => {
    const got = await loss('meanSquaredError', float32([1, 2, 4], dims), float32([0, 5, 1]), [1, 0, 1]);
    expect([got.value, ...got.gradient]).toEqual([5, 1, -0, 3]);
  });
  it('wants one score a row', async () => {
    const two = float32([1, 2], [1, 2]);
    await expect(loss('meanSquaredError', two, float32([0]), [1])).rejects.toThrow('expected an output [batch, 1]');
  });
});
