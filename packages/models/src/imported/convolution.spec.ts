import {
  type Attribute,
  cloneModel,
  float32,
  GraphBuilder,
  inferModel,
  type Model,
  modelOf,
  writeModel,
} from '@neuroprune/onnx';
import * as ort from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { writeConvolutions } from './convolution.js';

const ramp = (...dims: number[]) => {
  const size = dims.reduce((product, extent) => product * extent, 1);
  return float32(
    Float32Array.from({ length: size }, (_, i) => Math.sin(i + 1)),
    dims,
  );
};

/** Four channels of a sequence to as many others. */
function convolution(
  kernel: number,
  attributes: Readonly<Record<string, Attribute>>,
  { bias = true, group = 1 } = {},
): Model {
  const b = new GraphBuilder();
  const x = b.input('x', 'float32', ['batch', 4, 'length']);
  const weight = b.initializer('weight', ramp(6, 4 / group, kernel));
  const inputs = bias ? [x, weight, b.initializer('bias', ramp(6))] : [x, weight];
  b.output(b.node('Conv', inputs, attributes, 1)[0]!, 'y');
  return inferModel(modelOf(b.graph));
}

const ints = (...value: number[]) => ({ type: 'ints', value }) as const;
/** What a model makes of two sequences of five places. */
async function resultOf(model: Model) {
  const session = await ort.InferenceSession.create(writeModel(model));
  const [y] = Object.values(await session.run({ x: new ort.Tensor('float32', ramp(2, 4, 5).data, [2, 4, 5]) }));
  await session.release();
  return { dims: y!.dims, data: Array.from(y!.data as Float32Array) };
}

const operators = ({ graph }: Model) => graph.nodes.map(({ opType }) => opType);

describe('convolutions along a sequence', () => {
  test.each<[string, Model]>([
    ['as wide as the sequence', convolution(3, { pads: ints(1, 1) })],
    ['padded on one side', convolution(4, { pads: ints(3, 0), strides: ints(1) })],
    ['narrower than it', convolution(2, {})],
    ['of one place', convolution(1, {})],
    ['without bias', convolution(3, { pads: ints(1, 1), dilations: ints(1) }, { bias: false })],
  ])('%s are products that give the same', async (_, model) => {
    const products = cloneModel(model);
    writeConvolutions(products);
    expect(operators(products)).not.toContain('Conv');
    expect(operators(products)).toContain('MatMul');
    expect(products.graph.initializers.find(({ name }) => name === 'weight')?.tensor?.dims).toHaveLength(3);
    const [want, got] = [await resultOf(model), await resultOf(products)];
    expect(got.dims).toEqual(want.dims);
    got.data.forEach((value, i) => {
      expect(value).toBeCloseTo(want.data[i]!, 5);
    });
  });

  test.each<[string, Model]>([
    ['strides', convolution(3, { strides: ints(2) })],
    ['holes', convolution(3, { dilations: ints(2) })],
    ['groups', convolution(3, { group: { type: 'int', value: 2 } }, { group: 2 })],
    ['padding by a rule', convolution(3, { auto_pad: { type: 'string', value: 'SAME_UPPER' } })],
  ])('with %s are left', (_, model) => {
    writeConvolutions(model);
    expect(operators(model)).toEqual(['Conv']);
  });
});
