import { GraphBuilder, type Model, modelOf } from '@neuroprune/onnx';
import { expect, it } from 'vitest';
import { noise } from '../test/train.js';
import { trainable } from './trainable.js';

const weights = { up: noise([6, 4]), bias: noise([6]), down: noise([2, 6]) };

/** A feed-forward part with GELU. */
function network(): Model {
  const builder = new GraphBuilder();
  const { op } = builder;
  const x = builder.input('x', 'float32', ['batch', 4]);
  const { up, bias, down } = Object.fromEntries(
    Object.entries(weights).map(([name, t]) => [name, builder.initializer(name, { ...t, data: t.data.slice() })]),
  ) as Record<keyof typeof weights, ReturnType<typeof builder.initializer>>;
  const hidden = op.Gelu(op.Gemm(x, up, bias, { transB: 1 }));
  builder.output(op.Gemm(hidden, down, undefined, { transB: 1 }), 'logits');
  return modelOf(builder.graph);
}

it('keeps the slope of GELU in 16 bits from its operand to the gradient', () => {
  const { nodes } = trainable(network(), { loss: 'crossEntropy', precision: 'fp16' }).graph;
  const slope = nodes.filter(({ opType }) => ['Erf', 'HardSigmoid'].includes(opType));
  expect(slope.map(({ outputs }) => outputs[0]?.dtype)).toEqual(['float16', 'float16']);
  const density = nodes.filter(({ opType, inputs }) => opType === 'Exp' && inputs[0]?.shape?.[1] === 6);
  expect(density.map(({ outputs }) => outputs[0]?.dtype)).toEqual(['float16']);
});
