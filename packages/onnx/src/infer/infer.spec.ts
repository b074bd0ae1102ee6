import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../../test/run.js';
import {
  codeOf,
  type Dim,
  type DType,
  float32,
  GraphBuilder,
  inferModel,
  int64,
  modelOf,
  type OpType,
  ops,
  parse,
  print,
  readModel,
  sizeOf,
  type Tensor,
  tensor,
  type Value,
  writeModel,
} from '../index.js';

const sizes: Readonly<Record<string, number>> = { batch: 2, sequence: 3 };

/** A dimension as a number: `4*batch` is 8. */
const concrete = (dim: Dim): number | null =>
  typeof dim === 'string'
    ? dim
        .split('*')
        .map((p) => sizes[p] ?? Number(p))
        .reduce((a, b) => a * b, 1)
    : dim;

const fills: { readonly [D in 'float32' | 'int64' | 'bool']: (dims: readonly number[]) => Tensor } = {
  float32: (dims) =>
    float32(
      Float32Array.from({ length: sizeOf(dims) }, (_, i) => 0.25 + (i % 7) / 10),
      dims,
    ),
  int64: (dims) =>
    int64(
      Array.from({ length: sizeOf(dims) }, (_, i) => i % 2),
      dims,
    ),
  bool: (dims) =>
    tensor(
      'bool',
      dims,
      Uint8Array.from({ length: sizeOf(dims) }, (_, i) => i % 2),
    ),
};

/** What a row builds with: the builder, and inputs by their dimensions. */
class Bench {
  readonly b = new GraphBuilder();
  readonly op = this.b.op;
  readonly feeds: Record<string, Tensor> = {};

  constructor(private readonly symbolic: boolean) {}

  private input(dtype: 'float32' | 'int64' | 'bool', dims: readonly Dim[]): Value {
    const name = `x${this.b.graph.inputs.length}`;
    const real = dims.map((d) => concrete(d) as number);
    this.feeds[name] = fills[dtype](real);
    return this.b.input(name, dtype, this.symbolic ? dims : real);
  }

  f = (...dims: Dim[]) => this.input('float32', dims);
  i = (...dims: Dim[]) => this.input('int64', dims);
  t = (...dims: Dim[]) => this.input('bool', dims);
}

type Row = (bench: Bench) => Value | readonly Value[];
const unary = (type: OpType): Row[] => [({ b, f }) => b.apply(type, [f('batch', 4)], {} as never)];
const binary = (type: OpType): Row[] => [
  ({ b, f }) => b.apply(type, [f('batch', 'sequence', 4), f(4)], {} as never),
  ({ b, f }) => b.apply(type, [f('batch', 1), f(1, 'sequence')], {} as never),
];
const logic = (type: OpType): Row[] => [({ b, t }) => b.apply(type, [t('batch', 1), t(3)], {} as never)];
const integer = (type: 'Add' | 'Sub' | 'Mul' | 'Div'): Row[] => [
  ...binary(type),
  ({ op, b }) => op[type](b.ints(8, 6), b.ints(4, 3)),
];
const reduction = (type: Extract<OpType, `Reduce${string}`>): Row[] => [
  ({ op, f }) => op[type](f('batch', 3, 4)),
  ({ op, f, b }) => op[type](f('batch', 3, 4), b.ints(-1, 1)),
  ({ op, f, b }) => op[type](f('batch', 3, 4), b.ints(0), { keepdims: 0 }),
  ({ op, f }) => op[type](f('batch', 3), undefined, { noop_with_empty_axes: 1 }),
];
const arg = (type: 'ArgMax' | 'ArgMin'): Row[] => [
  ({ op, f }) => op[type](f('batch', 3)),
  ({ op, f }) => op[type](f('batch', 3), { axis: -1, keepdims: 0 }),
];

const rows: { readonly [K in OpType]?: readonly Row[] } = {
  Abs: [...unary('Abs'), ({ op, b }) => op.Abs(b.ints(-3))],
  Add: integer('Add'),
  And: logic('And'),
  ArgMax: arg('ArgMax'),
  ArgMin: arg('ArgMin'),
  Cast: [({ op, f }) => op.Cast(f('batch', 2), { to: codeOf('int64') }), ({ op, b }) => op.Cast(b.ints(3), { to: 6 })],
  Ceil: unary('Ceil'),
  Clip: [({ op, f }) => op.Clip(f('batch', 2), 0, 1), ({ op, f }) => op.Clip(f(2), undefined, 1)],
  Concat: [
    ({ op, f }) => op.Concat([f('batch', 2), f('batch', 3)], { axis: -1 }),
    ({ op, b, f }) => op.Concat([op.Shape(f('batch', 5)), b.ints(7)], { axis: 0 }),
  ],
  ConstantOfShape: [
    ({ op, b }) => op.ConstantOfShape(b.ints(2, 3)),
    ({ op, f }) => op.ConstantOfShape(op.Shape(f('batch', 2)), { value: int64([7]) }),
  ],
  Cos: unary('Cos'),
  Conv: [
    ({ op, f }) => op.Conv(f('batch', 3, 'sequence', 4), f(8, 3, 3, 1), undefined, { pads: [1, 0, 1, 0] }),
    ({ op, f }) => op.Conv(f('batch', 4, 7), f(6, 2, 3), f(6), { group: 2, strides: [2], auto_pad: 'SAME_UPPER' }),
  ],
  ConvTranspose: [
    ({ op, f }) => op.ConvTranspose(f('batch', 4, 'sequence'), f(4, 3, 2), undefined, { strides: [2] }),
    ({ op, f }) =>
      op.ConvTranspose(f('batch', 4, 5), f(4, 3, 3), f(6), { group: 2, output_padding: [1], strides: [2] }),
  ],
  CumSum: [({ op, f, b }) => op.CumSum(f('batch', 4), b.scalar(1, 'int64'), { exclusive: 1 })],
  Div: integer('Div'),
  Dropout: unary('Dropout'),
  Einsum: [
    ({ op, f }) => op.Einsum([f('batch', 3, 4), f('batch', 4, 5)], { equation: 'bij, bjk -> bik' }),
    ({ op, f }) => op.Einsum([f('batch', 1, 3, 4), f(1, 2, 4, 5)], { equation: '...ij,...jk' }),
    ({ op, f }) => op.Einsum([f('batch', 3, 3)], { equation: '...ii->...i' }),
    ({ op, f }) => op.Einsum([f(3), f('batch')], { equation: 'z,a' }),
  ],
  Equal: binary('Equal'),
  Erf: unary('Erf'),
  Exp: unary('Exp'),
  Expand: [
    ({ op, f, b }) => op.Expand(f(1, 4), b.ints(3, 1)),
    ({ op, f }) => op.Expand(f(4), op.Shape(f('batch', 'sequence', 4))),
  ],
  Flatten: [({ op, f }) => op.Flatten(f('batch', 3, 4)), ({ op, f }) => op.Flatten(f('batch', 3, 4), { axis: -1 })],
  Floor: unary('Floor'),
  Gather: [
    ({ op, f, i }) => op.Gather(f(5, 4), i('batch', 'sequence')),
    ({ op, f, b }) => op.Gather(f('batch', 'sequence', 4), b.scalar(0, 'int64'), { axis: 1 }),
    ({ op, f, b }) => op.Gather(op.Shape(f('batch', 4)), b.ints(-1, 0)),
    ({ op, b }) => op.Gather(b.constant(int64([1, 2, 3, 4], [2, 2])), b.ints(1)),
  ],
  GatherElements: [({ op, f, i }) => op.GatherElements(f('batch', 4), i('batch', 2), { axis: 1 })],
  GatherND: [
    ({ op, f, i }) => op.GatherND(f(2, 3, 4), i('batch', 2)),
    ({ op, f, i }) => op.GatherND(f('batch', 3, 4), i('batch', 1), { batch_dims: 1 }),
  ],
  Gelu: unary('Gelu'),
  Gemm: [
    ({ op, f }) => op.Gemm(f('batch', 4), f(4, 5)),
    ({ op, f }) => op.Gemm(f(4, 'batch'), f(5, 4), f(5), { transA: 1, transB: 1 }),
  ],
  Greater: binary('Greater'),
  GreaterOrEqual: binary('GreaterOrEqual'),
  HardSigmoid: unary('HardSigmoid'),
  Identity: [...unary('Identity'), ({ op, f }) => op.Identity(op.Shape(f('batch', 2)))],
  If: [
    ({ op, b, f, t }) => {
      const [x, y] = [f('batch', 2), f(3, 2)];
      const [yes, no] = [b.subgraph('yes'), b.subgraph('no')];
      yes.output(yes.op.Neg(x), 'a');
      no.output(no.op.Neg(y), 'b');
      return op.If(t(), { then_branch: yes.graph, else_branch: no.graph });
    },
  ],
  IsNaN: unary('IsNaN'),
  LayerNormalization: [
    ({ op, f }) => op.LayerNormalization(f('batch', 'sequence', 4), f(4), f(4)),
    ({ op, f }) => op.LayerNormalization(f('batch', 3, 4), f(3, 4), { axis: 1, epsilon: 1e-5 }),
  ],
  Less: binary('Less'),
  LessOrEqual: binary('LessOrEqual'),
  Log: unary('Log'),
  LogSoftmax: unary('LogSoftmax'),
  Loop: [
    ({ op, b, f }) => {
      const body = b.subgraph('body');
      body.input('i', 'int64', []);
      const go = body.input('go', 'bool', []);
      const [kept, grows] = [body.input('kept', 'float32', ['n', 4]), body.input('grows', 'float32', [null])];
      body.output(go, 'go_on');
      body.output(body.op.Add(kept, 1), 'kept_next');
      body.output(body.op.Concat([grows, grows], { axis: 0 }), 'grows_next');
      body.output(body.op.ReduceSum(kept), 'scanned');
      return op.Loop(b.scalar(3, 'int64'), undefined, [f('batch', 4), f(2)], { body: body.graph });
    },
  ],
  MatMul: [
    ({ op, f }) => op.MatMul(f('batch', 1, 3, 4), f(5, 4, 2)),
    ({ op, f }) => op.MatMul(f(4), f('batch', 4, 2)),
    ({ op, f }) => op.MatMul(f('batch', 3, 4), f(4)),
    ({ op, f }) => op.MatMul(f(4), f(4)),
  ],
  Max: binary('Max'),
  Min: binary('Min'),
  Mod: [({ op, f }) => op.Mod(f('batch', 2), f(2), { fmod: 1 }), ({ op, b }) => op.Mod(b.ints(7), b.ints(4))],
  Mul: [...integer('Mul'), ({ op, b, f }) => op.Mul(op.Shape(f('batch', 2)), b.ints(3, 4))],
  Neg: [...unary('Neg'), ({ op, b }) => op.Neg(b.ints(3))],
  NegativeLogLikelihoodLoss: ['none', 'mean'].flatMap((reduction): Row[] => [
    ({ op, f, i }) => op.NegativeLogLikelihoodLoss(f('batch', 4), i('batch'), { reduction }),
    ({ op, f, i }) => op.NegativeLogLikelihoodLoss(f('batch', 4, 3), i('batch', 3), f(4), { reduction }),
  ]),
  Not: [({ op, t }) => op.Not(t('batch', 2))],
  OneHot: [
    ({ op, b, i }) => op.OneHot(i('batch'), b.scalar(4, 'int64'), b.constant(float32([0, 1]))),
    ({ op, b, i }) => op.OneHot(i('batch', 3), b.ints(4), b.constant(int64([0, 1])), { axis: 1 }),
  ],
  Or: logic('Or'),
  Pad: [
    ({ op, b, f }) => op.Pad(f(2, 3), b.ints(0, 1, 2, 0)),
    ({ op, b, f }) => op.Pad(f('batch', 3), b.ints(1, 1), 5, b.ints(-1)),
  ],
  Pow: binary('Pow'),
  Range: [
    ({ op, b }) => op.Range(b.scalar(1, 'int64'), b.scalar(10, 'int64'), b.scalar(4, 'int64')),
    ({ op, b }) => op.Range(b.scalar(5, 'int64'), b.scalar(0, 'int64'), b.scalar(-2, 'int64')),
    ({ op, b }) => op.Range(b.scalar(0, 'int64'), b.scalar(-3, 'int64'), b.scalar(1, 'int64')),
    ({ op, b, f }) => {
      const n = op.Gather(op.Shape(f('batch', 'sequence')), b.scalar(1, 'int64'));
      return op.Range(b.scalar(0, 'int64'), n, b.scalar(1, 'int64'));
    },
  ],
  Reciprocal: unary('Reciprocal'),
  ReduceL1: reduction('ReduceL1'),
  ReduceL2: reduction('ReduceL2'),
  ReduceLogSum: reduction('ReduceLogSum'),
  ReduceLogSumExp: reduction('ReduceLogSumExp'),
  ReduceMax: reduction('ReduceMax'),
  ReduceMean: reduction('ReduceMean'),
  ReduceMin: reduction('ReduceMin'),
  ReduceProd: reduction('ReduceProd'),
  ReduceSum: reduction('ReduceSum'),
  ReduceSumSquare: reduction('ReduceSumSquare'),
  Relu: unary('Relu'),
  Reshape: [
    ({ op, b, f }) => op.Reshape(f('batch', 'sequence', 8), b.ints(-1, 8)),
    ({ op, b, f }) => op.Reshape(f('batch', 'sequence', 8), b.ints(0, -1, 2, 4)),
    ({ op, f }) => op.Reshape(f('batch', 4), op.Shape(f('batch', 2, 2))),
  ],
  Round: unary('Round'),
  ScatterElements: [
    ({ op, f, b }) =>
      op.ScatterElements(f('batch', 4), b.constant(int64([0, 2], [2, 1])), f(2, 1), { axis: 1, reduction: 'add' }),
  ],
  ScatterND: [({ op, f, b }) => op.ScatterND(f(4, 'batch'), b.constant(int64([1, 3], [2, 1])), f(2, 'batch'))],
  Shape: [
    ({ op, f }) => op.Shape(f('batch', 'sequence', 4)),
    ({ op, f }) => op.Shape(f('batch', 'sequence', 4), { start: -2 }),
    ({ op, f }) => op.Shape(f('batch', 'sequence', 4), { end: 1 }),
  ],
  Sigmoid: unary('Sigmoid'),
  Sign: [...unary('Sign'), ({ op, b }) => op.Sign(b.ints(3))],
  Sin: unary('Sin'),
  Slice: [
    ({ op, b, f }) => op.Slice(f('batch', 5), b.ints(1), b.ints(4), b.ints(1)),
    ({ op, b, f }) => op.Slice(f(5, 'batch'), b.ints(-1), b.ints(-6), b.ints(0), b.ints(-2)),
    ({ op, b, f }) => op.Slice(f(5, 3), b.ints(1, 0), b.ints(100, 2)),
    ({ op, b, f }) => op.Slice(op.Shape(f('batch', 5, 6)), b.ints(0), b.ints(-1)),
    ({ op, b, f }) => op.Slice(f('batch', 5), b.ints(0), b.ints(2 ** 31 - 1), b.ints(0)),
  ],
  Softmax: unary('Softmax'),
  SoftmaxCrossEntropyLoss: ['none', 'sum'].flatMap((reduction): Row[] => [
    ({ op, f, i }) => op.SoftmaxCrossEntropyLoss(f('batch', 4), i('batch'), { reduction }),
    ({ op, f, i }) => op.SoftmaxCrossEntropyLoss(f('batch', 4, 3), i('batch', 3), f(4), { reduction }),
  ]),
  Softplus: unary('Softplus'),
  Split: [
    ({ op, f }) => op.Split(f('batch', 7), undefined, { axis: 1, num_outputs: 3 }),
    ({ op, b, f }) => op.Split(f('batch', 7), b.ints(5, 2), { axis: -1 }),
  ],
  Sqrt: unary('Sqrt'),
  Squeeze: [
    ({ op, b, f }) => op.Squeeze(f('batch', 1, 4), b.ints(-2)),
    ({ op, f }) => op.Squeeze(f(3, 1, 4, 1)),
    ({ op, b }) => op.Squeeze(b.ints(9), b.ints(0)),
  ],
  Sub: integer('Sub'),
  Tanh: unary('Tanh'),
  Tile: [({ op, b, f }) => op.Tile(f('batch', 4), b.ints(3, 2))],
  TopK: [
    ({ op, b, f }) => op.TopK(f('batch', 4), b.ints(2)),
    ({ op, b, f }) => op.TopK(f(3, 'batch'), b.ints(1), { axis: 0, largest: 0 }),
  ],
  Transpose: [
    ({ op, f }) => op.Transpose(f('batch', 'sequence', 4)),
    ({ op, f }) => op.Transpose(f('batch', 'sequence', 4), { perm: [0, 2, 1] }),
  ],
  Trilu: [({ op, f }) => op.Trilu(f('batch', 3, 3), { upper: 0 })],
  Unsqueeze: [
    ({ op, b, f }) => op.Unsqueeze(f('batch', 4), b.ints(-1, 0)),
    ({ op, b }) => op.Unsqueeze(b.scalar(4, 'int64'), b.ints(0)),
  ],
  Where: [({ op, f, t }) => op.Where(t('batch', 1), f(3), 0)],
  Xor: logic('Xor'),
};

/** Results whose dimensions hang on data, so that `null` is right even for concrete inputs. */
const dataDependent: ReadonlySet<OpType> = new Set(['If', 'Loop']);

interface Inferred {
  readonly name: string;
  readonly dtype: DType | undefined;
  readonly dims: readonly (number | null)[] | undefined;
  readonly elements: readonly (number | null)[] | undefined;
}

async function compare(type: OpType, row: Row, symbolic: boolean) {
  const bench = new Bench(symbolic);
  const results = [row(bench)].flat() as Value[];
  const named = results.map((value, i) => bench.b.output(value, `out${i}`));
  const inferred = named.map(
    ({ name, dtype, shape, elements }): Inferred => ({
      name,
      dtype,
      dims: shape?.map(concrete),
      elements: elements?.map(concrete),
    }),
  );
  const model = modelOf(bench.b.graph);
  const real = await run(model, bench.feeds);
  for (const { name, dtype, dims, elements } of inferred) {
    const result = real[name] as Tensor;
    expect(dtype, `${name} dtype`).toBe(result.dtype);
    const expected = dataDependent.has(type) || symbolic ? dims?.map((d, i) => d ?? result.dims[i]) : dims;
    expect(expected, `${name} shape`).toEqual([...result.dims]);
    const data = Array.from(result.data as BigInt64Array, Number);
    if (elements) expect(elements.map((e, i) => e ?? data[i])).toEqual(data);
  }
}

describe('shape rules against ONNX Runtime', () => {
  it('has a row for every operator, here, in the fixtures that ONNX made or among the sequences', () => {
    const file = path.join(import.meta.dirname, '../../fixtures/operators/inference.json');
    const golden = JSON.parse(readFileSync(file, 'utf8')) as { rows: readonly { op: string }[] };
    const sequences = readFileSync(path.join(import.meta.dirname, 'sequence.spec.ts'), 'utf8');
    const tested = new Set([...Object.keys(rows), ...golden.rows.map((r) => r.op)]);
    const missing = Object.keys(ops).filter((name) => !tested.has(name) && !sequences.includes(`= ${name}(`));
    expect(missing).toEqual([]);
    for (const list of Object.values(rows)) expect(list.length).toBeGreaterThan(0);
  });

  const cases = Object.entries(rows).flatMap(([type, list]) =>
    list.map((row, i) => ({ type: type as OpType, row, i })),
  );
  it.each(cases)('$type $i', async ({ type, row }) => {
    await compare(type, row, false);
    await compare(type, row, true);
  });
});

describe('symbolic dimensions', () => {
  const bench = new Bench(true);
  const { op, f, b } = bench;
  const x = f('batch', 'sequence', 8);
  it.each<[string, () => Value, string]>([
    ['tokens flattened', () => op.Reshape(x, b.ints(-1, 8)), 'batch*sequence,8'],
    ['heads split', () => op.Reshape(x, b.ints(0, 0, 2, 4)), 'batch,sequence,2,4'],
    [
      'computed target',
      () => op.Reshape(x, op.Concat([op.Shape(x, { end: 1 }), b.ints(-1)], { axis: 0 })),
      'batch,8*sequence',
    ],
    ['scaled dimension', () => op.Expand(op.Reshape(x, b.ints(-1)), op.Mul(op.Shape(x, { end: 1 }), b.ints(1))), '?'],
    ['whole slice', () => op.Slice(x, b.ints(0), b.ints(2 ** 31 - 1), b.ints(1)), 'batch,sequence,8'],
    [
      'equal split',
      () => op.Split(op.Tile(x, b.ints(2, 1, 1)), undefined, { num_outputs: 2 })[0] as Value,
      'batch,sequence,8',
    ],
  ])('%s', (_, build, expected) => {
    const shape = build().shape;
    expect(expected === '?' ? shape?.length : shape?.join()).toBe(expected === '?' ? 1 : expected);
  });
});

describe('inferModel', () => {
  it('looks into a body before the results of its node are used', async () => {
    const bench = new Bench(true);
    const { b, op, f } = bench;
    const body = b.subgraph('body');
    body.input('i', 'int64', []);
    const go = body.input('go', 'bool', []);
    const state = body.input('s', 'float32', ['batch', 4]);
    body.output(go, 'go_on');
    body.output(body.op.Relu(body.op.Neg(state)), 's_next');
    const [last] = op.Loop(b.scalar(2, 'int64'), undefined, [f('batch', 4)], { body: body.graph });
    b.output(op.MatMul(last as Value, b.constant(float32([1, 2, 3, 4], [4, 1]))), 'y');
    const model = modelOf(b.graph);
    const text = print(model);
    const bare = parse(text.replaceAll(/^( *%[\w.]+): \S+ = /gm, '$1 = '));
    expect(bare.graph.outputs[0]?.shape).toBeUndefined();
    expect(print(inferModel(bare))).toBe(text);
    expect(print(inferModel(await readModel(writeModel(model))))).toBe(text);
  });

  it('reads axes as attributes, as older operator sets have them', () => {
    const { graph } = inferModel(
      parse(`graph old {
        input %x: float32[batch,1,4]
        %a = ReduceMean(%x) {axes: [-1], keepdims: 1}
        %b = Squeeze(%a) {axes: [1]}
        %c = Unsqueeze(%b) {axes: [0]}
        %d, %e = Split(%x) {axis: 2, split: [1, 3]}
        output %c
        output %e
      }`),
    );
    expect(graph.outputs.map((v) => v.shape)).toEqual([
      [1, 'batch', 1],
      ['batch', 1, 3],
    ]);
  });
});
