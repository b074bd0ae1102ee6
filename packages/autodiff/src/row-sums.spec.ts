import { GraphBuilder, type Model, modelOf, print } from '@neuroprune/onnx';
import { expect, it } from 'vitest';
import { noise, repeat, train } from '../test/train.js';
import { sgd, sgdScalars } from './optim/sgd.js';
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

const stepOf = (precision: 'fp32' | 'fp16' | 'bf16') => trainable(network(), { loss: 'crossEntropy', precision });

it.each(['fp16', 'bf16'] as const)('%s sums the rows of gradients by a product with ones', (precision) => {
  const products = stepOf(precision).graph.nodes.filter(({ opType }) => opType === 'MatMul');
  expect(products.map(({ inputs, outputs }) => [inputs[0]?.shape, outputs[0]?.shape])).toEqual([[['batch'], [6]]]);
  expect(print(stepOf('fp32'))).not.toContain('MatMul');
});

it('gives the gradient of a bias that the sum gives', async () => {
  const scalars = sgdScalars({ lr: 0.5 });
  const [exact, product] = await Promise.all(
    (['fp32', 'fp16'] as const).map((precision) =>
      train({ precision, optimizer: sgd() }, repeat(4), scalars, network()),
    ),
  );
  expect(product?.weights.bias).not.toEqual([...weights.bias.data]);
  product?.weights.bias?.forEach((b, i) => void expect(b).toBeCloseTo(exact?.weights.bias?.[i] as number, 2));
});

it('keeps the slope of GELU in 16 bits from its operand to the gradient', () => {
  const { nodes } = stepOf('fp16').graph;
  const slope = nodes.filter(({ opType }) => ['Erf', 'HardSigmoid'].includes(opType));
  expect(slope.map(({ outputs }) => outputs[0]?.dtype)).toEqual(['float16', 'float16']);
  const density = nodes.filter(({ opType, inputs }) => opType === 'Exp' && inputs[0]?.shape?.[1] === 6);
  expect(density.map(({ outputs }) => outputs[0]?.dtype)).toEqual(['float16']);
});
