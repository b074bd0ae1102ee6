import { float32, GraphBuilder, type Model, modelOf, type Tensor, type Value } from '@neuroprune/onnx';
import { expect, it } from 'vitest';
import { devices, titleOf } from '../../test/devices.js';
import type { Device, SessionOptions } from '../device.js';
import { createInference } from '../inference.js';
import { biasSoftmax } from './bias-softmax.js';
import { rowSums } from './row-sums.js';
import { skipNorms } from './skip-norms.js';

type Rows = readonly (readonly number[])[];

type Write = (op: GraphBuilder['op'], x: Record<string, Value>, builder: GraphBuilder) => Record<string, Value>;

const wave = (dims: readonly number[], step: number): Tensor =>
  float32(
    Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(1 + i * step)),
    [...dims],
  );

const inputs = {
  rows: ['rows', 8],
  scores: ['batch', 2, 'sequence', 'sequence'],
  padding: ['batch', 1, 1, 'sequence'],
  positions: [1, 2, 'sequence', 'sequence'],
  pairs: ['batch', 1, 'sequence', 'sequence'],
  heads: ['batch', 2, 'sequence', 8],
} as const;
const extents: Record<string, number> = { rows: 6, batch: 3, sequence: 5 };
const values = new Map(
  Object.entries(inputs).map(([name, shape], i) => [
    name,
    wave(
      shape.map((d) => (typeof d === 'number' ? d : (extents[d] as number))),
      0.7 + i / 10,
    ),
  ]),
);

function modelFor(write: Write): Model {
  const builder = new GraphBuilder();
  const given = Object.fromEntries(
    Object.entries(inputs).map(([name, shape]) => [name, builder.input(name, 'float32', shape)]),
  );
  for (const [name, value] of Object.entries(write(builder.op, given, builder))) builder.output(value, name);
  return modelOf(builder.graph);
}

async function outputsOf(model: Model, device: Device = 'cpu', how: SessionOptions = {}) {
  const names = model.graph.outputs.map(({ name }) => name);
  const needed = new Map([...values].filter(([name]) => model.graph.inputs.some((v) => v.name === name)));
  await using inference = await createInference(model, { threads: 1, device, ...how });
  const found = await inference.run(needed, names);
  return names.map((name) => Array.from(found.get(name)?.data as Float32Array));
}

function expectClose(actual: Rows, expected: Rows, digits = 5): void {
  expect(actual.map((a) => a.length)).toEqual(expected.map((e) => e.length));
  actual.forEach((a, i) => {
    a.forEach((x, j) => void expect(x).toBeCloseTo(expected[i]?.[j] as number, digits));
  });
}

const kindsOf = ({ graph }: Model) => graph.nodes.map(({ opType }) => opType).sort();

const norms: Write = (op, { rows: x }, builder) => {
  const parameter = (dims: number[], step: number) => builder.constant(wave(dims, step));
  const [scale, shift] = [parameter([8], 0.3), parameter([8], 0.4)];
  const norm = (sum: Value) => op.LayerNormalization(sum, scale, shift, { axis: -1, epsilon: 1e-3 });
  const product = (bias?: Value) => op.Gemm(x as Value, parameter([8, 8], 0.9), bias, { alpha: 0.5 });
  const biased = product(parameter([8], 0.6));
  const sum = op.Add(biased, x as Value);
  const plain = op.Add(x as Value, product());
  const statistics = norm(op.Add(x as Value, op.Neg(product())));
  return {
    afterBias: norm(sum)[0],
    sum: op.Neg(sum),
    afterProduct: op.LayerNormalization(plain, scale, undefined, { axis: -1 })[0],
    withStatistics: op.Mul(statistics[0], statistics[2]),
    readTwice: norm(op.Add(biased, biased))[0],
  };
};

it('norms take in the sum before them, and a bias that only this sum reads', async () => {
  const fused = skipNorms(modelFor(norms));
  expect(kindsOf(fused).filter((kind) => /Norm|Add/.test(kind))).toEqual([
    'Add',
    'LayerNormalization',
    'SkipLayerNormalization',
    'SkipLayerNormalization',
    'SkipLayerNormalization',
  ]);
  expectClose(await outputsOf(fused), await outputsOf(modelFor(norms)));

  const alone = skipNorms(modelFor((op, x, builder) => ({ y: norms(op, x, builder).afterProduct as Value })));
  expect(alone.graph.nodes.filter(({ opType }) => opType === 'Gemm').map((node) => node.inputs.length)).toContain(3);
});

const softmaxes: Write = (op, { scores, padding, positions, pairs }) => {
  const weigh = (a?: Value, b?: Value) => op.Softmax(op.Add(a as Value, b as Value), { axis: -1 });
  const both = op.Add(scores as Value, padding as Value);
  return {
    padded: weigh(scores, padding),
    placed: weigh(positions, scores),
    alike: weigh(scores, scores),
    paired: weigh(scores, pairs), // repeated along heads alone, with a batch before and a sequence after
    read: op.Softmax(both, { axis: -1 }),
    other: op.Neg(both),
    columns: op.Softmax(op.Add(scores as Value, padding as Value), { axis: 1 }),
  };
};

it('softmax takes in what is added to its scores, where the kernel can repeat it', () => {
  const { nodes } = biasSoftmax(modelFor(softmaxes)).graph;
  const fused = nodes.filter(({ opType }) => opType === 'BiasSoftmax');
  expect(
    fused.map(({ inputs: [a, b], attributes }) => [a?.name, b?.name, attributes.is_inner_broadcast?.value]),
  ).toEqual([
    ['scores', 'padding', 1],
    ['scores', 'positions', 0],
    ['scores', 'scores', 0],
  ]);
  expect(nodes.filter(({ opType }) => opType === 'Add')).toHaveLength(3);
});

const cuda = devices.find(({ device }) => device === 'cuda') as (typeof devices)[number];

it.skipIf(cuda.absent !== undefined)(`kernels give what they stand for on ${titleOf(cuda)}`, async () => {
  for (const [rewrite, write] of [
    [biasSoftmax, softmaxes],
    [skipNorms, norms],
  ] as const)
    expectClose(await outputsOf(rewrite(modelFor(write)), 'cuda'), await outputsOf(modelFor(write)), 2); // products in TF32
});

it.skipIf(cuda.absent !== undefined)(
  `products are in TF32 unless float32 is asked for on ${titleOf(cuda)}`,
  async () => {
    const products = () =>
      modelFor((op, { rows }, builder) => ({ y: op.MatMul(rows as Value, builder.constant(wave([8, 64], 0.9))) }));
    const [expected] = await outputsOf(products());
    const [rounded, exact] = await Promise.all([{}, { tf32: false }].map((how) => outputsOf(products(), 'cuda', how)));
    const distance = (found: readonly number[] = []) =>
      Math.max(...found.map((x, i) => Math.abs(x - (expected?.[i] as number))));
    expect(distance(exact?.[0])).toBeLessThan(2e-6);
    expect(distance(rounded?.[0])).toBeGreaterThan(2e-5);
  },
);

const sums: Write = (op, { rows, heads, scores }, builder) => ({
  overRows: op.ReduceSum(rows as Value, builder.ints(0), { keepdims: 0 }),
  alongRows: op.ReduceSum(heads as Value, builder.ints(-1), { keepdims: 1 }),
  rowsKept: op.ReduceSum(rows as Value, builder.ints(0), { keepdims: 1 }),
  ofUnknownExtent: op.ReduceSum(scores as Value, builder.ints(-1), { keepdims: 1 }),
  overHeads: op.ReduceSum(heads as Value, builder.ints(1), { keepdims: 1 }),
  again: op.ReduceSum(op.Neg(rows as Value), builder.ints(0), { keepdims: 0 }),
});

it.each([
  [{ over: ['float32'], along: [] }, ['again', 'overRows']],
  [{ over: [], along: ['float32'] }, ['alongRows']],
  [{ over: ['float16'], along: ['float16'] }, []],
] as const)('sums of the types asked, %j, are products with ones', async (types, names) => {
  const products = rowSums(modelFor(sums), types);
  const found = products.graph.nodes.filter(({ opType }) => opType === 'MatMul').map(({ outputs: [y] }) => y?.name);
  expect(found.sort()).toEqual(names);
  expect(kindsOf(products).filter((kind) => kind === 'Expand')).toHaveLength(Math.min(names.length, 1));
  expectClose(await outputsOf(products), await outputsOf(modelFor(sums)));
});

it('sums of 16 bits are products of 16 bits', () => {
  const { graph } = rowSums(
    modelFor((op, { rows }, builder) => ({
      sum: op.Cast(op.ReduceSum(op.Cast(rows as Value, { to: 10 }), builder.ints(0), { keepdims: 0 }), { to: 1 }),
    })),
    { over: ['float16'], along: [] },
  );
  const product = graph.nodes.find(({ opType }) => opType === 'MatMul');
  expect(product?.inputs.map((v) => v?.dtype)).toEqual(['float16', 'float16']);
});
