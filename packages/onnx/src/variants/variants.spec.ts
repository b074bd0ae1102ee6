import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ort from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { run } from '../../test/run.js';
import { float16Array } from '../half.js';
import {
  check,
  cloneModel,
  codeOf,
  float16Bits,
  float32,
  fromFloat16Bits,
  GraphBuilder,
  int64,
  type Model,
  modelOf,
  quantizeBlockwise,
  quantizeDynamic,
  quantizeTables,
  readModel,
  type Tensor,
  tensor,
  toFloat16,
  type Value,
  writeModel,
} from '../index.js';
import { fourBitMatrix } from './four-bit-matrix.js';
import { int8Elements, int8Scales } from './int8-matrix.js';
import { linearOf } from './linear.js';

interface Case {
  readonly rows: number;
  readonly columns: number;
  readonly weight: string;
  readonly four: readonly Readonly<{
    block: number;
    symmetric: boolean;
    packed: string;
    scales: string;
    zeroPoints?: string;
  }>[];
  readonly eight: Readonly<{ elements: string; scales: string; zero: number }>;
}

const golden: { cases: readonly Case[] } = JSON.parse(
  readFileSync(fileURLToPath(new URL('../../fixtures/quantized.json', import.meta.url)), 'utf8'),
);
const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64'));
const floats = (text: string) => new Float32Array(bytes(text).buffer);

/** mulberry32 */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function numbers(dims: readonly number[], seed: number, size = 1): Tensor<'float32'> {
  const next = random(seed);
  const n = dims.reduce((a, b) => a * b, 1);
  return float32(
    Float32Array.from({ length: n }, () => size * (2 * next() - 1)),
    dims,
  );
}

const transposed = ({ dims: [rows = 0, columns = 0], data }: Tensor<'float32'>) =>
  float32(
    Float32Array.from(
      { length: rows * columns },
      (_, i) => data[(i % rows) * columns + Math.floor(i / rows)] as number,
    ),
    [columns, rows],
  );

/** A product x·W with the weight as [inputs, outputs] (`MatMul`) or [outputs, inputs] (`Gemm`), with a bias. */
function product(weight: Tensor<'float32'>, byOutput: boolean): Model {
  const b = new GraphBuilder();
  const [rows = 0, columns = 0] = weight.dims;
  const w = b.initializer('w', byOutput ? transposed(weight) : weight);
  const x = b.input('x', 'float32', ['n', rows]);
  const bias = b.initializer('bias', numbers([columns], 9));
  b.output(byOutput ? b.op.Gemm(x, w, bias, { transB: 1 }) : b.op.Add(b.op.MatMul(x, w), bias), 'y');
  return modelOf(b.graph);
}

const error = (a: Tensor | undefined, b: Tensor | undefined): number => {
  const [x, y] = [a?.data as Float32Array, b?.data as Float32Array];
  expect(x.length).toBe(y.length);
  const scale = y.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  return x.reduce((most, v, i) => Math.max(most, Math.abs(v - (y[i] as number))), 0) / scale;
};

const ops = (model: Model) => model.graph.nodes.map((n) => n.opType);
const initializer = (model: Model, name: string) => model.graph.initializers.find((v) => v.name === name)?.tensor;

describe.each(golden.cases)('a matrix [$rows, $columns] is stored as by ONNX Runtime, bit for bit', (given) => {
  const weight = float32(floats(given.weight), [given.rows, given.columns]);

  test.each([true, false])('in eight bits, transposed: %s', (byOutput) => {
    const stored = byOutput ? transposed(weight) : weight;
    const axis = byOutput ? 'row' : 'column';
    const scales = int8Scales(stored, axis);
    expect(scales).toEqual(floats(given.eight.scales));
    expect(int8Elements(stored, scales, axis, byOutput)).toEqual(new Int8Array(bytes(given.eight.elements).buffer));
    expect(given.eight.zero).toBe(0);
  });

  test.each(given.four.flatMap((four) => [true, false].map((byOutput) => ({ ...four, byOutput }))))(
    'in four bits, blocks of $block, symmetric: $symmetric, by output: $byOutput',
    ({ block, symmetric, packed, scales, zeroPoints, byOutput }) => {
      const node = product(weight, byOutput).graph.nodes[0];
      const made = fourBitMatrix(linearOf(node as never) as never, { blockSize: block, symmetric });
      expect(made.scales).toEqual(floats(scales));
      expect(made.packed).toEqual(bytes(packed));
      expect(made.zeroPoints).toEqual(zeroPoints === undefined ? undefined : bytes(zeroPoints));
    },
  );
});

describe('float16', () => {
  test('many numbers as one by one; what is beyond the range becomes its end', () => {
    const next = random(3);
    const bits = Uint32Array.from({ length: 200_000 }, () => Math.floor(next() * 2 ** 32));
    const values = new Float32Array(bits.buffer);
    values.set([
      0,
      -0,
      65504,
      65519.99,
      -65520,
      Infinity,
      -Infinity,
      Number.NaN,
      2 ** -24,
      2 ** -25,
      3 * 2 ** -26,
      2 ** -14,
    ]);
    const expected = Array.from(values, (x) => {
      const near = float16Bits(x);
      return Number.isFinite(x) && (near & 0x7fff) === 0x7c00 ? near - 1 : near;
    });
    expect(Array.from(float16Array(values))).toEqual(expected);
    expect(fromFloat16Bits(float16Array(Float32Array.of(-3.4028234663852886e38))[0] as number)).toBe(-65504);
  });
});

/** Norm written out, attention with a mask and two tables, one of which makes the logits too. */
function small(size = 1): Model {
  const b = new GraphBuilder();
  const { op } = b;
  const ids = b.input('ids', 'int64', ['batch', 'length']);
  const mask = b.input('mask', 'int64', ['batch', 'length']);
  const table = b.initializer('table', numbers([64, 32], 1, size));
  const x = op.Gather(table, ids);
  const square = op.ReduceMean(op.Mul(x, x), b.ints(-1), { keepdims: 1 });
  const normed = op.Div(x, op.Sqrt(op.Add(square, 1e-12)));
  const q = op.MatMul(normed, b.initializer('q', numbers([32, 32], 2)));
  const k = op.MatMul(normed, b.initializer('k', numbers([32, 32], 3)));
  const hidden = op.Sub(1, op.Cast(mask, { to: codeOf('float32') }));
  const bias = op.Unsqueeze(op.Mul(hidden, -3.4028234663852886e38), b.ints(1));
  const scores = op.Add(op.MatMul(q, op.Transpose(k, { perm: [0, 2, 1] })), bias);
  const mixed = op.MatMul(op.Softmax(scores, { axis: -1 }), normed);
  const rows = op.Reshape(mixed, b.ints(-1, 32));
  b.output(op.Gemm(rows, table, undefined, { transB: 1 }), 'logits');
  b.output(mixed, 'mixed');
  return modelOf(b.graph);
}

const feeds = {
  ids: int64([1, 5, 9, 63, 2, 0, 0, 0], [2, 4]),
  // The second row has nothing to see at all.
  mask: int64([1, 1, 1, 0, 0, 0, 0, 0], [2, 4]),
};

const total = (model: Model) => writeModel(model).length;

const variants: Readonly<Record<string, { make: (m: Model) => Model; error: number; ratio: number }>> = {
  fp16: { make: (m) => toFloat16(m).model, error: 3e-3, ratio: 0.6 },
  int8: { make: (m) => quantizeDynamic(m).model, error: 4e-2, ratio: 0.5 },
  tables: { make: (m) => quantizeTables(quantizeBlockwise(m).model).model, error: 0.25, ratio: 0.5 },
  'four bits': { make: (m) => quantizeBlockwise(m).model, error: 0.25, ratio: 0.95 },
  'four bits, float16': { make: (m) => toFloat16(quantizeBlockwise(m).model).model, error: 0.25, ratio: 0.55 },
};

describe.each(Object.entries(variants))('%s', (name, { make, error: band, ratio }) => {
  test('a small model gives nearly the same, rows that see nothing included, under the names it had', async () => {
    const model = small();
    const changed = make(cloneModel(model));
    check(changed);
    const [expected, got] = [await run(model, feeds), await run(changed, feeds)];
    expect(Object.keys(got)).toEqual(['logits', 'mixed']);
    for (const key of Object.keys(got)) {
      expect(got[key]?.dtype).toBe('float32');
      expect(error(got[key], expected[key])).toBeLessThan(band);
      expect(got[key]).not.toEqual(expected[key]);
    }
    const optimized = await ort.InferenceSession.create(writeModel(changed));
    const of = ({ data, dims }: Tensor) => new ort.Tensor('int64', data as BigInt64Array, dims);
    const outputs = await optimized.run({ ids: of(feeds.ids), mask: of(feeds.mask) });
    expect(error(outputs.logits as never, expected.logits)).toBeLessThan(band);
    const read = await readModel(writeModel(changed));
    expect(read.graph.inputs.map((v) => [v.name, v.dtype, v.shape])).toEqual(
      model.graph.inputs.map((v) => [v.name, v.dtype, v.shape]),
    );
  });

  test('is smaller, and the same again', () => {
    const wide = small();
    const before = total(wide);
    const once = make(cloneModel(wide));
    expect(total(once) / before).toBeLessThan(ratio);
    expect(writeModel(make(cloneModel(wide)))).toEqual(writeModel(once));
    // The tensors of the model it was made from are its own still.
    expect(total(wide)).toBe(before);
    expect(name).not.toBe('');
  });

  test('a model without matrices or floats is left alone', () => {
    const b = new GraphBuilder();
    b.output(b.op.Add(b.input('x', 'int64', ['n']), b.input('y', 'int64', ['n'])), 'z');
    const model = modelOf(b.graph);
    const before = writeModel(model);
    expect(writeModel(make(model))).toEqual(before);
  });
});

test('int8: each activation is quantized once; a table that is looked up and multiplied by lies there once', () => {
  const { model, modified } = quantizeDynamic(small());
  expect(modified).toBe(true);
  expect(ops(model).filter((op) => op === 'DynamicQuantizeLinear')).toHaveLength(2);
  expect(ops(model).filter((op) => op === 'MatMulInteger')).toHaveLength(3);
  const names = model.graph.initializers.filter((v) => (v.shape?.length ?? 0) === 2).map((v) => `${v.name} ${v.dtype}`);
  expect(names.sort()).toEqual(['k_quantized int8', 'q_quantized int8', 'table_quantized int8']);
  expect(quantizeDynamic(model).modified).toBe(false);
});

test('tables alone: products stay, and so does a table that is multiplied by', () => {
  const { model, modified } = quantizeTables(small());
  expect(modified).toBe(false);
  const apart = quantizeTables(quantizeBlockwise(small()).model).model;
  expect(apart.graph.initializers.filter((v) => v.dtype === 'int8').map((v) => v.name)).toEqual(['table_quantized']);
  expect(ops(apart)).not.toContain('MatMulInteger');
  expect(ops(model)).toContain('Gemm');
});

test('int8: a table that something else reads too stays', () => {
  const model = small();
  const b = new GraphBuilder(model.graph);
  const table = model.graph.initializers.find((v) => v.name === 'table') as Value;
  b.output(b.op.ReduceMean(table, b.ints(0)), 'mean');
  quantizeDynamic(model);
  expect(initializer(model, 'table')?.dtype).toBe('float32');
});

test.each([true, false])('four bits of zeros and ones are exact, by output: %s', async (byOutput) => {
  const bits = float32(
    numbers([64, 32], 5).data.map((x) => Number(x > 0.4)),
    [64, 32],
  );
  for (const symmetric of [true, false]) {
    const model = product(bits, byOutput);
    const x = numbers([3, 64], 6);
    const expected = await run(model, { x });
    quantizeBlockwise(model, { symmetric });
    expect(model.graph.nodes[0]?.inputs).toHaveLength(symmetric ? 3 : 4);
    expect(error((await run(model, { x })).y, expected.y)).toBeLessThan(1e-5);
  }
});

test('four bits: finer blocks and zero points of their own come closer', async () => {
  const weight = numbers([256, 32], 7);
  weight.data.forEach((w, i) => {
    weight.data[i] = w * w * w + 0.3;
  });
  const x = numbers([64, 256], 8);
  const of = async (options: object) => {
    const model = product(weight, true);
    const expected = await run(model, { x });
    quantizeBlockwise(model, options);
    const got = await run(model, { x });
    const [y, wanted] = [got, expected].map((r) => r.y?.data as Float32Array) as [Float32Array, Float32Array];
    return Math.hypot(...y.map((v, i) => v - (wanted[i] as number)));
  };
  const [coarse, plain, fine, open] = [
    await of({ blockSize: 256 }),
    await of({}),
    await of({ blockSize: 16 }),
    await of({ symmetric: false }),
  ];
  expect(fine).toBeLessThan(plain);
  expect(plain).toBeLessThan(coarse);
  expect(open).toBeLessThan(plain);
  expect(() => quantizeBlockwise(product(weight, true), { blockSize: 48 })).toThrow(/expected a blockSize of 16, 32/);
});

test('products with factors, transposed operands or computed matrices stay', () => {
  const b = new GraphBuilder();
  const { op } = b;
  const x = b.input('x', 'float32', [32, 32]);
  const w = b.initializer('w', numbers([32, 32], 1));
  const few = b.initializer('few', numbers([32, 4], 1));
  b.output(op.Gemm(x, w, undefined, { alpha: 2 }), 'a');
  b.output(op.Gemm(x, w, undefined, { transA: 1 }), 'b');
  b.output(op.Gemm(x, w, x, { beta: 0.5 }), 'c');
  b.output(op.MatMul(x, x), 'd');
  b.output(op.MatMul(w, x), 'e');
  b.output(op.MatMul(x, few), 'f');
  const model = modelOf(b.graph);
  expect(quantizeDynamic(model).modified).toBe(false);
  expect(quantizeBlockwise(model).modified).toBe(false);
});

describe('float16 placement', () => {
  test('softmax with its mask, and the sums of a norm, stay float32; the weights do not', () => {
    const { model } = toFloat16(small());
    const widths = (op: string) => model.graph.nodes.filter((n) => n.opType === op).map((n) => n.outputs[0]?.dtype);
    expect([...widths('Softmax'), ...widths('ReduceMean'), ...widths('Sqrt')]).toEqual([
      'float32',
      'float32',
      'float32',
    ]);
    expect([...widths('MatMul'), ...widths('Gemm'), ...widths('Div')]).toEqual(Array(6).fill('float16'));
    const floats = model.graph.initializers.filter((v) => v.dtype === 'float32');
    expect(Math.max(...floats.map((v) => v.tensor?.data.length ?? 0))).toBe(1);
  });

  test('sums of squares beyond 65504 do not overflow', async () => {
    const model = small(300);
    const [expected, got] = [await run(model, feeds), await run(toFloat16(model).model, feeds)];
    expect(error(got.mixed, expected.mixed)).toBeLessThan(5e-3);
  });

  test('a mask that is added in float16 becomes −65504', () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [2]);
    b.output(b.op.Tanh(b.op.Add(x, b.initializer('lowest', float32([-3.4028234663852886e38, 0])))), 'y');
    const { model } = toFloat16(modelOf(b.graph));
    expect(initializer(model, 'lowest')).toMatchObject({ dtype: 'float16', data: Uint16Array.of(0xfbff, 0) });
  });

  test('positions keep their digits: angles and buckets are worked out in float32', async () => {
    const b = new GraphBuilder();
    const { op } = b;
    const at = op.Cast(b.input('at', 'int64', ['n']), { to: codeOf('float32') });
    b.output(op.Cos(op.Mul(at, 0.1)), 'angle');
    b.output(op.Cast(op.Floor(op.Mul(op.Log(at), 8)), { to: codeOf('int64') }), 'bucket');
    b.output(op.Cast(op.Less(at, 2050.5), { to: codeOf('float32') }), 'less');
    const model = modelOf(b.graph);
    const given = { at: int64([2049, 2050, 2051, 4097]) };
    const expected = await run(model, given);
    expect(await run(toFloat16(model).model, given)).toEqual(expected);
  });

  test('what graphs inside a node take from outside stays float32; constants that both read lie there twice', async () => {
    const b = new GraphBuilder();
    const { op } = b;
    const x = b.input('x', 'float32', [2, 2]);
    const w = b.initializer('w', numbers([2, 2], 4));
    const h = op.MatMul(x, w);
    const [yes, no] = [b.subgraph('yes'), b.subgraph('no')];
    yes.output(yes.op.Add(h, w), 'plus');
    no.output(no.op.Sub(h, w), 'minus');
    const branches = {
      then_branch: { type: 'graph', value: yes.graph },
      else_branch: { type: 'graph', value: no.graph },
    } as const;
    const [y] = b.node('If', [b.input('flag', 'bool', [])], branches, 1);
    b.output(y as Value, 'y');
    const model = modelOf(b.graph);
    const given = { x: numbers([2, 2], 5), flag: tensor('bool', [], Uint8Array.of(1)) };
    const expected = await run(model, given);
    const changed = toFloat16(model).model;
    expect(changed.graph.initializers.map((v) => `${v.name} ${v.dtype}`)).toEqual(['w float32', 'w_float16 float16']);
    expect(error((await run(changed, given)).y, expected.y)).toBeLessThan(2e-3);
  });

  test('an output that is an input, a constant, or read again keeps type and name', async () => {
    const b = new GraphBuilder();
    const x = b.input('x', 'float32', [4]);
    const c = b.initializer('c', numbers([4], 1));
    const t = b.op.Tanh(x);
    b.graph.outputs.push(x, c);
    b.output(t, 't');
    b.output(b.op.Neg(t), 'n');
    const model = modelOf(b.graph);
    const given = { x: numbers([4], 2) };
    const expected = await run(model, given);
    const got = await run(toFloat16(model).model, given);
    expect(Object.keys(got)).toEqual(['x', 'c', 't', 'n']);
    for (const key of Object.keys(got)) expect(error(got[key], expected[key])).toBeLessThan(1e-3);
  });

  test('a value of unknown type is refused by name', () => {
    const b = new GraphBuilder();
    const [odd] = b.node('Odd', [b.input('x', 'float32', [2])], {}, 1, 'somebody');
    b.output(b.op.Tanh(odd as Value), 'y');
    b.output(b.op.Tanh(b.graph.inputs[0] as Value), 'z');
    expect(() => toFloat16(modelOf(b.graph))).toThrow(/toFloat16: 'Odd_0': expected a known element type, got none/);
  });
});
