import { codeOf, int64, type Tensor, tensor } from '@neuroprune/onnx';
import type { elementwise } from '../../src/rules/elementwise.js';
import { binary, bool, numbers, type Row, type Rows, real, shapes, single, unary } from './row.js';

const float64 = { to: codeOf('float64') };

/** The attribute `seed` makes every session draw the same mask. */
const dropout = (dims: number[], ratio: number | undefined, training: boolean): Row => ({
  inputs: [single(real(dims))],
  build: (op, [x], b) => op.Dropout(x!, ratio ?? b.scalar(0.5), b.constant(bool([training ? 1 : 0], [])), { seed: 3 }),
});

/** Numbers away from where the two `HardSigmoid`s below bend. */
const offKinks = (dims: readonly number[]) => {
  const near = (x: number) => [-2.5, 2.5, -0.5, 1.5].some((kink) => Math.abs(x - kink) < 0.05);
  const t = real(dims, -4, 4);
  return { ...t, data: t.data.map((x) => (near(x) ? x + 0.1 : x)) };
};

/** Rows of operators that work element by element. Float64 where ONNX Runtime's cpu provider has the kernel, else float32. */
export const elementwiseRows: Rows<keyof typeof elementwise> = {
  Abs: unary('Abs'),
  Add: binary('Add'),
  Cast: [
    ...shapes.map((dims): Row => ({ inputs: [real(dims)], build: (op, [x]) => op.Cast(x!, float64) })),
    {
      inputs: [single(real([2, 3]))],
      build: (op, [x]) => op.Cast(op.Cast(x!, float64), { to: codeOf('float32') }),
    },
    {
      inputs: [real([2]), int64([3, 4])],
      build: (op, [x, i]) => op.Mul(x!, op.Cast(op.Cast(op.Mul(x!, op.Cast(i!, float64)), { to: 7 }), float64)),
    },
  ],
  CastLike: [
    ...shapes.map((dims): Row => ({ inputs: [real(dims), real([])], build: (op, [x, t]) => op.CastLike(x!, t!) })),
    { inputs: [single(real([2, 3])), real([2])], build: (op, [x, t]) => op.CastLike(x!, t!) },
    { inputs: [real([2]), int64([3, 4])], build: (op, [x, i]) => op.Mul(x!, op.CastLike(op.Mul(i!, i!), x!)) },
    { inputs: [real([2]), int64([3])], build: (op, [x, i]) => op.Mul(x!, op.CastLike(op.CastLike(x!, i!), x!)) },
  ],
  Cos: unary('Cos'),
  Div: [
    ...binary('Div', 0.5, 2),
    { inputs: [numbers([0, 1, -2]), numbers([-1, 2, -0.5])], build: (op, [x, y]) => op.Div(x!, y!) },
  ],
  Dropout: [
    ...shapes.map((dims): Row => ({ inputs: [single(real(dims))], build: (op, [x]) => op.Dropout(x!, 0.5) })),
    dropout([4, 5], 0.25, true),
    dropout([4, 5], undefined, true),
    dropout([2, 3], 0.25, false),
  ],
  Erf: unary('Erf', -2, 2, single),
  Exp: unary('Exp'),
  Gelu: ['none', 'tanh'].flatMap((approximate) =>
    shapes.map((dims): Row => ({ inputs: [single(real(dims))], build: (op, [x]) => op.Gelu(x!, { approximate }) })),
  ),
  HardSigmoid: [{}, { alpha: 0.5, beta: 0.25 }].flatMap((attributes) =>
    shapes.map(
      (dims): Row => ({ inputs: [single(offKinks(dims))], build: (op, [x]) => op.HardSigmoid(x!, attributes) }),
    ),
  ),
  Identity: unary('Identity'),
  Log: unary('Log', 0.5, 3),
  Mod: [
    { inputs: [real([2, 3], 4, 6), real([3], 1.4, 1.5)], build: (op, [x, y]) => op.Mod(x!, y!, { fmod: 1 }) },
    { inputs: [real([1, 2], 4, 4.1), real([], 1.4, 1.5)], build: (op, [x, y]) => op.Mod(x!, y!, { fmod: 1 }) },
    { inputs: [real([2, 1], -4.1, -4), real([2], 1.4, 1.5)], build: (op, [x, y]) => op.Mod(x!, y!, { fmod: 1 }) },
  ],
  Mul: [...binary('Mul'), { inputs: [real([3])], build: (op, [x]) => op.Mul(x!, x!) }],
  Neg: unary('Neg'),
  Pow: [
    ...binary('Pow', 0.5, 2),
    { inputs: [real([2, 3])], build: (op, [x]) => op.Pow(x!, 3) },
    // Whole exponents of any sign and type, and 0 as a base where that is smooth.
    ...[0, 1, 2, -1, -2].map(
      (n): Row => ({ inputs: [numbers([-1.5, -0.5, 0.7, 2])], build: (op, [x]) => op.Pow(x!, n) }),
    ),
    ...[0, 1, 2, 3].map((n): Row => ({ inputs: [numbers([0, 1])], build: (op, [x]) => op.Pow(x!, n) })),
    { inputs: [real([2, 3]), int64([0, 1, 2])], build: (op, [x, n]) => op.Pow(x!, n!) },
    {
      inputs: [real([3], 0.5, 2), tensor('float32', [], Float32Array.of(1.5)) as Tensor],
      build: (op, [x, n]) => op.Pow(x!, op.Mul(n!, 1)),
    },
  ],
  Reciprocal: unary('Reciprocal', 0.5, 2),
  Relu: unary('Relu'),
  Sigmoid: unary('Sigmoid'),
  Sin: unary('Sin'),
  Softplus: unary('Softplus', -2, 2, single),
  Sqrt: unary('Sqrt', 0.5, 2),
  Sub: binary('Sub'),
  Tanh: unary('Tanh'),
};
