import {
  codeOf,
  type GraphBuilder,
  int64,
  type OpFunctions,
  sizeOf,
  type Tensor,
  tensor,
  type Value,
} from '@neuroprune/onnx';
import { describe, expect, it } from 'vitest';
import { evaluate, randomOf } from '../../test/evaluate.js';
import { gradcheck } from '../gradcheck.js';
import type { Differentiable } from '../rule.js';
import { rules } from './rules.js';

// `npm run check:full` tries many more directions; NEUROPRUNE_SEED draws others.
const seed = Number(process.env.NEUROPRUNE_SEED ?? 7);
const directions = process.env.NEUROPRUNE_CHECK === 'full' ? 10 : 1;
const random = randomOf(seed);

interface Row {
  readonly inputs: readonly Tensor[];
  readonly build: (op: OpFunctions, x: Value[], builder: GraphBuilder) => Value | readonly Value[];
  /** The rule needs dimensions as numbers. */
  readonly fixed?: boolean;
}

/** Float64 elements spread over [low, high], each at least `apart` from its neighbours so that no kink lies within a step. */
function real(dims: readonly number[], low = -2, high = 2): Tensor<'float64'> {
  const n = sizeOf(dims);
  const ranks = Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [ranks[i], ranks[j]] = [ranks[j] as number, ranks[i] as number];
  }
  return tensor(
    'float64',
    dims,
    Float64Array.from(ranks, (r) => low + ((r + 0.2 + 0.6 * random()) / n) * (high - low)),
  );
}
const single = (t: Tensor<'float64'>): Tensor<'float32'> => tensor('float32', t.dims, Float32Array.from(t.data));
const bool = (bits: readonly number[], dims: readonly number[] = [bits.length]) =>
  tensor('bool', dims, Uint8Array.from(bits));

type Unary =
  | 'Abs'
  | 'Cos'
  | 'Erf'
  | 'Exp'
  | 'Log'
  | 'Neg'
  | 'Reciprocal'
  | 'Relu'
  | 'Sigmoid'
  | 'Sin'
  | 'Softplus'
  | 'Sqrt'
  | 'Tanh'
  | 'Identity';
type Binary = 'Add' | 'Sub' | 'Mul' | 'Div' | 'Pow';

/** A scalar, a size-1 axis and rank 4. */
const shapes = [[], [1, 3], [2, 3, 1, 2]];
const unary = (type: Unary, low = -2, high = 2, of: (t: Tensor<'float64'>) => Tensor = (t) => t): Row[] =>
  shapes.map((dims) => ({ inputs: [of(real(dims, low, high))], build: (op, [x]) => op[type](x!) }));
/** Broadcasting in both directions. */
const pairs = [
  [[], []],
  [[2, 3], []],
  [[3], [2, 3]],
  [
    [2, 1, 4],
    [3, 1],
  ],
  [
    [2, 3, 1, 2],
    [2, 1, 2, 2],
  ],
];
const binary = (type: Binary, low = -2, high = 2): Row[] =>
  pairs.map(([a, b]) => ({
    inputs: [real(a!, low, high), real(b!, low, high)],
    build: (op, [x, y]) => op[type](x!, y!),
  }));
const axes: readonly (readonly number[] | undefined)[] = [undefined, [1], [-1, 0]];
const reductions = (type: 'ReduceSum' | 'ReduceMean' | 'ReduceMax' | 'ReduceMin' | 'ReduceProd'): Row[] => [
  ...axes.flatMap((list) =>
    [0, 1].map(
      (keepdims): Row => ({
        inputs: [real([2, 3, 1, 4])],
        build: (op, [x], b) => op[type](x!, list && b.ints(...list), { keepdims }),
      }),
    ),
  ),
  { inputs: [real([2, 3])], build: (op, [x]) => op.Mul(x!, op[type](x!, undefined, { noop_with_empty_axes: 1 })) },
  { inputs: [real([])], build: (op, [x]) => op[type](x!) },
];
const gemm = (a: number[], b: number[], attributes: object, c?: number[]): Row => ({
  inputs: [real(a), real(b), ...(c ? [real(c)] : [])],
  build: (op, [x, y, z]) => op.Gemm(x!, y!, z, attributes),
});
const matmul = (a: number[], b: number[]): Row => ({
  inputs: [real(a), real(b)],
  build: (op, [x, y]) => op.MatMul(x!, y!),
});

/** Sample inputs of every rule. Float64 where ONNX Runtime's cpu provider has the kernel, else float32. */
const table: { readonly [K in Differentiable]: readonly Row[] } = {
  Abs: unary('Abs'),
  Add: binary('Add'),
  Cast: [
    { inputs: [real([2, 3])], build: (op, [x]) => op.Cast(x!, { to: codeOf('float64') }) },
    {
      inputs: [single(real([2, 3]))],
      build: (op, [x]) => op.Cast(op.Cast(x!, { to: codeOf('float64') }), { to: codeOf('float32') }),
    },
    {
      inputs: [real([2]), int64([3, 4])],
      build: (op, [x, i]) => op.Mul(x!, op.Cast(op.Cast(op.Mul(x!, op.Cast(i!, { to: 11 })), { to: 7 }), { to: 11 })),
    },
  ],
  Clip: [
    { inputs: [real([3, 4])], build: (op, [x]) => op.Clip(x!, -1, 1) },
    {
      inputs: [real([3, 4]), real([], -1, -0.9), real([], 0.9, 1)],
      build: (op, [x, low, high]) => op.Clip(x!, low!, high!),
    },
    { inputs: [real([3, 4])], build: (op, [x]) => op.Clip(x!, undefined, 0.5) },
    { inputs: [real([])], build: (op, [x]) => op.Clip(x!) },
  ],
  Concat: [
    { inputs: [real([2, 3]), real([2, 3])], build: (op, x) => op.Concat(x, { axis: 0 }) },
    { inputs: [real([2, 1, 2]), real([2, 3, 2]), real([2, 2, 2])], build: (op, x) => op.Concat(x, { axis: -2 }) },
    { inputs: [real([2])], build: (op, x) => op.Concat(x, { axis: 0 }) },
  ],
  Cos: unary('Cos'),
  CumSum: [0, 1].flatMap((exclusive) =>
    [0, 1].map(
      (reverse): Row => ({
        inputs: [real([2, 3, 2])],
        build: (op, [x], b) => op.CumSum(x!, b.scalar(1, 'int64'), { exclusive, reverse }),
      }),
    ),
  ),
  Div: binary('Div', 0.5, 2),
  Dropout: [{ inputs: [single(real([2, 3]))], build: (op, [x]) => op.Dropout(x!, 0.5) }],
  Erf: unary('Erf', -2, 2, single),
  Exp: unary('Exp'),
  Expand: [
    { inputs: [real([3, 1])], build: (op, [x], b) => op.Expand(x!, b.ints(2, 3, 4)) },
    { inputs: [real([])], build: (op, [x], b) => op.Expand(x!, b.ints(2, 1)) },
    { inputs: [real([1, 3]), real([2, 3])], build: (op, [x, y]) => op.Expand(x!, op.Shape(y!)) },
  ],
  Flatten: [0, 2, -1].map((axis) => ({ inputs: [real([2, 3, 1, 2])], build: (op, [x]) => op.Flatten(x!, { axis }) })),
  Gather: [
    { inputs: [real([5, 3]), int64([1, 1, 4, -1])], build: (op, [x, i]) => op.Gather(x!, i!) },
    {
      inputs: [real([40, 3]), int64([1, 39, -39, 1, 7, 7], [2, 3])],
      build: (op, [x, i]) => op.Gather(x!, i!, { axis: 0 }),
    },
    { inputs: [real([2, 5, 3]), int64([4, 0, 4, 1], [2, 2])], build: (op, [x, i]) => op.Gather(x!, i!, { axis: -2 }) },
    { inputs: [real([2, 5, 3]), int64([2], [])], build: (op, [x, i]) => op.Gather(x!, i!, { axis: 1 }) },
    { inputs: [real([5]), int64([2], [])], build: (op, [x, i]) => op.Gather(x!, i!) },
    { inputs: [real([2, 3, 4]), int64([3, 0])], build: (op, [x, i]) => op.Gather(x!, i!, { axis: 2 }) },
  ],
  GatherElements: [
    { inputs: [real([3, 3]), int64([0, 2, 2, 1, 1, -1], [2, 3])], build: (op, [x, i]) => op.GatherElements(x!, i!) },
    {
      inputs: [real([2, 3]), int64([0, 0, 2, 1], [2, 2])],
      build: (op, [x, i]) => op.GatherElements(x!, i!, { axis: -1 }),
    },
  ],
  GatherND: [
    {
      inputs: [real([3, 2, 2]), int64([0, 1, 2, 1, 0, 1], [3, 2])],
      build: (op, [x, i]) => op.GatherND(x!, i!),
      fixed: true,
    },
    { inputs: [real([3, 2]), int64([0, -1, 0], [3, 1])], build: (op, [x, i]) => op.GatherND(x!, i!), fixed: true },
    {
      inputs: [real([3, 2]), int64([0, 1, 2, -1], [2, 1, 2])],
      build: (op, [x, i]) => op.GatherND(x!, i!),
      fixed: true,
    },
  ],
  Gelu: ['none', 'tanh'].flatMap((approximate) =>
    shapes.map((dims): Row => ({ inputs: [single(real(dims))], build: (op, [x]) => op.Gelu(x!, { approximate }) })),
  ),
  Gemm: [
    gemm([2, 3], [3, 4], {}),
    gemm([2, 3], [3, 4], { alpha: 0.5, beta: 2 }, [4]),
    gemm([3, 2], [3, 4], { transA: 1, alpha: 1.5 }, [2, 1]),
    gemm([2, 3], [4, 3], { transB: 1 }, []),
    gemm([3, 2], [4, 3], { transA: 1, transB: 1, alpha: -1 }, [2, 4]),
    gemm([1, 3], [4, 3], { transB: 1 }, [1, 4]),
  ],
  Identity: unary('Identity'),
  LayerNormalization: [
    {
      inputs: [single(real([2, 3, 4])), single(real([4])), single(real([4]))],
      build: (op, [x, w, b]) => op.LayerNormalization(x!, w!, b!, { epsilon: 1e-3 })[0],
    },
    {
      inputs: [single(real([2, 3, 4])), single(real([3, 4]))],
      build: (op, [x, w]) => op.LayerNormalization(x!, w!, { axis: 1 })[0],
    },
    {
      inputs: [single(real([4, 5])), single(real([5])), single(real([5]))],
      build: (op, [x, w, b]) => op.Mul(x!, op.LayerNormalization(x!, w!, b!, { axis: -1 })[0]),
    },
  ],
  Log: unary('Log', 0.5, 3),
  LogSoftmax: [-1, 0, 1].map((axis) => ({
    inputs: [real([2, 3, 4])],
    build: (op, [x]) => op.LogSoftmax(x!, { axis }),
  })),
  MatMul: [
    matmul([2, 3], [3, 4]),
    matmul([2, 2, 3], [3, 4]),
    matmul([2, 2, 2, 3], [2, 2, 3, 4]),
    matmul([2, 1, 2, 3], [2, 3, 4]),
    matmul([2, 3], [2, 3, 4]),
    matmul([3], [3]),
    matmul([3], [3, 4]),
    matmul([2, 3], [3]),
    matmul([3], [2, 3, 4]),
    matmul([2, 2, 3], [3]),
  ],
  Max: [
    { inputs: [real([2, 3]), real([3]), real([2, 1])], build: (op, x) => op.Max(x) },
    { inputs: [real([2, 3])], build: (op, [x]) => op.Max([x!, op.Identity(x!)]) },
  ],
  Min: [{ inputs: [real([2, 3, 1]), real([])], build: (op, x) => op.Min(x) }],
  Mod: [{ inputs: [real([2, 3], 4, 6), real([3], 1.4, 1.5)], build: (op, [x, y]) => op.Mod(x!, y!, { fmod: 1 }) }],
  Mul: [...binary('Mul'), { inputs: [real([3])], build: (op, [x]) => op.Mul(x!, x!) }],
  Neg: unary('Neg'),
  OneHot: [0, -1].map((axis) => ({
    inputs: [int64([2, 0, 1, 1], [2, 2]), single(real([2]))],
    build: (op, [i, values], b) => op.OneHot(i!, b.scalar(3, 'int64'), values!, { axis }),
  })),
  Pad: [
    { inputs: [real([2, 3])], build: (op, [x], b) => op.Pad(x!, b.ints(1, 0, 2, 1)) },
    { inputs: [real([2, 3]), real([])], build: (op, [x, v], b) => op.Pad(x!, b.ints(1, 2), v!, b.ints(1)) },
    { inputs: [real([2, 4]), real([])], build: (op, [x, v], b) => op.Pad(x!, b.ints(1, -1, 0, -2), v!) },
  ],
  Pow: [...binary('Pow', 0.5, 2), { inputs: [real([2, 3])], build: (op, [x]) => op.Pow(x!, 3) }],
  Reciprocal: unary('Reciprocal', 0.5, 2),
  ReduceMax: reductions('ReduceMax'),
  ReduceMean: reductions('ReduceMean'),
  ReduceMin: reductions('ReduceMin'),
  ReduceProd: reductions('ReduceProd'),
  ReduceSum: reductions('ReduceSum'),
  Relu: unary('Relu'),
  Reshape: [
    { inputs: [real([2, 3, 4])], build: (op, [x], b) => op.Reshape(x!, b.ints(4, -1)) },
    { inputs: [real([2, 3, 4])], build: (op, [x], b) => op.Reshape(x!, b.ints(0, -1)) },
    { inputs: [real([1])], build: (op, [x], b) => op.Reshape(x!, b.ints()) },
  ],
  ScatterElements: ['none', 'add'].map((reduction) => ({
    inputs: [real([3, 3]), int64([0, 2, 1, 2], [2, 2]), real([2, 2])],
    build: (op, [x, i, u]) => op.ScatterElements(x!, i!, u!, { axis: 1, reduction }),
  })),
  ScatterND: ['none', 'add'].map((reduction) => ({
    inputs: [real([4, 2, 2]), int64([2, 0], [2, 1]), real([2, 2, 2])],
    build: (op, [x, i, u]) => op.ScatterND(x!, i!, u!, { reduction }),
  })),
  Sigmoid: unary('Sigmoid'),
  Sin: unary('Sin'),
  Slice: [
    { inputs: [real([5])], build: (op, [x], b) => op.Slice(x!, b.ints(1), b.ints(-1)) },
    {
      inputs: [real([4, 5, 2])],
      build: (op, [x], b) => op.Slice(x!, b.ints(3, -1), b.ints(0, -6), b.ints(0, 1), b.ints(-2, -2)),
    },
    { inputs: [real([2, 4, 3])], build: (op, [x], b) => op.Slice(x!, b.ints(0), b.ints(1), b.ints(-2)) },
  ],
  Softmax: [-1, 0, 2].map((axis) => ({ inputs: [real([2, 3, 2, 2])], build: (op, [x]) => op.Softmax(x!, { axis }) })),
  Softplus: unary('Softplus', -2, 2, single),
  Split: [
    { inputs: [real([4, 3])], build: (op, [x]) => op.Split(x!, { num_outputs: 2, axis: 0 }) },
    { inputs: [real([2, 5])], build: (op, [x], b) => op.Split(x!, b.ints(1, 3, 1), { axis: -1 }).slice(0, 2) },
  ],
  Sqrt: unary('Sqrt', 0.5, 2),
  Squeeze: [
    { inputs: [real([1, 3, 1])], build: (op, [x], b) => op.Squeeze(x!, b.ints(0)) },
    { inputs: [real([1, 3, 1])], build: (op, [x]) => op.Squeeze(x!) },
  ],
  Sub: binary('Sub'),
  Tanh: unary('Tanh'),
  Tile: [
    { inputs: [real([2, 3])], build: (op, [x], b) => op.Tile(x!, b.ints(3, 2)) },
    { inputs: [real([2, 1, 2])], build: (op, [x], b) => op.Tile(x!, b.ints(1, 3, 1)) },
  ],
  Transpose: [undefined, [2, 0, 1], [0, 2, 1]].map((perm) => ({
    inputs: [real([2, 3, 4])],
    build: (op, [x]) => op.Transpose(x!, perm ? { perm } : {}),
  })),
  Trilu: [
    { inputs: [real([3, 4])], build: (op, [x]) => op.Trilu(x!) },
    { inputs: [real([2, 3, 4])], build: (op, [x], b) => op.Trilu(x!, b.scalar(-1, 'int64'), { upper: 0 }) },
  ],
  Unsqueeze: [{ inputs: [real([2, 3])], build: (op, [x], b) => op.Unsqueeze(x!, b.ints(0, -1)) }],
  Where: [
    { inputs: [bool([1, 0, 1]), real([2, 3]), real([])], build: (op, [c, x, y]) => op.Where(c!, x!, y!) },
    { inputs: [bool([1, 0], [2, 1]), real([3]), real([2, 3])], build: (op, [c, x, y]) => op.Where(c!, x!, y!) },
  ],
};

// Central differences err by step²·f‴/6 + rounding/step: about 1e-9 in float64 with 1e-4, and 1e-3 in float32 with 1e-2.
const precise = { step: 1e-4, tolerance: 1e-6 };
const coarse = { step: 1e-2, tolerance: 3e-3 };

describe(`gradient rules agree with finite differences in ONNX Runtime (seed ${seed})`, () => {
  it('have a row each', () => expect(Object.keys(table).sort()).toEqual(Object.keys(rules).sort()));

  it.each(Object.entries(table))('%s', async (_, rows) => {
    expect(rows.length).toBeGreaterThan(0);
    for (const { inputs, build, fixed } of rows) {
      const numbers = inputs.some((t) => t.dtype === 'float32') ? coarse : precise;
      const test = { inputs, build: (b: GraphBuilder, x: Value[]) => build(b.op, x, b), ...numbers };
      for (const symbolic of fixed ? [false] : [false, true])
        for (let i = 0; i < directions; i++) await gradcheck({ ...test, symbolic }, evaluate, random);
    }
  });
});
