import { expect, test } from 'vitest';
import { type Attribute, Node, Value } from '../model.js';
import { inferNode } from './infer.js';

/** Types of the outputs over inputs of these sizes, each an axis of its own. */
function sizesOf(opType: string, sizes: readonly number[], attributes: Readonly<Record<string, Attribute>> = {}) {
  const inputs = sizes.map((n) => new Value(`x${n}`, 'float32', n === 0 ? [] : [n]));
  return inferNode(new Node(opType, inputs, [], attributes, 'ai.onnx.preview.training')).map((t) => {
    expect(t.dtype).toBe('float32');
    return t.shape?.[0];
  });
}

test.each([
  ['Momentum', [0, 0, 3, 4, 3, 4, 30, 40], [3, 4, 30, 40]],
  ['Adagrad', [0, 0, 3, 4, 3, 4, 30, 40], [3, 4, 30, 40]],
  ['Adam', [0, 0, 3, 4, 3, 4, 30, 40, 31, 41], [3, 4, 30, 40, 31, 41]],
  ['Adam', [], []],
])('%s of %j', (opType, inputs, outputs) => {
  expect(sizesOf(opType, inputs)).toEqual(outputs);
});

test('Gradient is like what it is taken to', () => {
  expect(sizesOf('Gradient', [3, 4, 5], { xs: { type: 'strings', value: ['a', 'b'] } })).toEqual([3, 4]);
  expect(sizesOf('Gradient', [3, 4, 5])).toEqual([]);
});
