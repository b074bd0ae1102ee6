import { type GraphBuilder, type OpFunctions, sizeOf, type Tensor, tensor, type Value } from '@neuroprune/onnx';
import { randomOf } from '../evaluate.js';

/** A function of one operator with inputs to check its gradient at. */
export interface Row {
  readonly inputs: readonly Tensor[];
  readonly build: (op: OpFunctions, x: Value[], builder: GraphBuilder) => Value | readonly Value[];
  /** The rule needs dimensions as numbers. */
  readonly fixed?: boolean;
}

/** Rows by operator. */
export type Rows<K extends string> = { readonly [P in K]: readonly Row[] };

/** `NEUROPRUNE_CHECK=full`: more shapes, and more directions each. */
export const full = process.env.NEUROPRUNE_CHECK === 'full';

/** `NEUROPRUNE_SEED` draws other numbers. */
export const seed = Number(process.env.NEUROPRUNE_SEED ?? 7);

/** Uniform numbers of this run, in [0, 1). */
export const random = randomOf(seed);

/** Float64 elements spread over [low, high], each well apart from its neighbours so that no kink lies within a step. */
export function real(dims: readonly number[], low = -2, high = 2): Tensor<'float64'> {
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

/** The same numbers as float32. */
export const single = (t: Tensor<'float64'>): Tensor<'float32'> => tensor('float32', t.dims, Float32Array.from(t.data));

/** Given numbers as float64. */
export const numbers = (values: readonly number[], dims: readonly number[] = [values.length]): Tensor<'float64'> =>
  tensor('float64', dims, Float64Array.from(values));

/** Truth values. */
export const bool = (bits: readonly number[], dims: readonly number[] = [bits.length]): Tensor<'bool'> =>
  tensor('bool', dims, Uint8Array.from(bits));

type Unary = {
  [K in keyof OpFunctions]: Parameters<OpFunctions[K]> extends readonly [unknown] ? K : never;
}[keyof OpFunctions];

/** A scalar, a size-1 axis and rank 4; more of them in the full check. */
export const shapes: readonly (readonly number[])[] = [
  [],
  [1, 3],
  [2, 3, 1, 2],
  ...(full ? [[1], [7], [1, 1, 1], [2, 1, 3, 1, 2], [0, 3]] : []),
];

/** Rows of an operator with one operand, of numbers in [low, high]. */
export const unary = (type: Unary, low = -2, high = 2, of: (t: Tensor<'float64'>) => Tensor = (t) => t): Row[] =>
  shapes.map((dims) => ({
    inputs: [of(real(dims, low, high))],
    build: (op, [x]) => (op[type] as (x: Value) => Value)(x!),
  }));

/** Broadcasting in both directions. */
const pairs: readonly (readonly [number[], number[]])[] = [
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
  ...(full
    ? ([
        [[], [1, 2]],
        [[1], [3]],
        [[1, 1], [2]],
        [
          [3, 1, 2],
          [1, 4, 1],
        ],
        [
          [1, 2, 1],
          [3, 2, 2, 4],
        ],
        [[0, 2], [2]],
      ] as [number[], number[]][])
    : []),
];

/** Rows of an operator with two operands, of numbers in [low, high]. */
export const binary = (type: 'Add' | 'Sub' | 'Mul' | 'Div' | 'Pow', low = -2, high = 2): Row[] =>
  pairs.map(([a, b]) => ({
    inputs: [real(a, low, high), real(b, low, high)],
    build: (op, [x, y]) => op[type](x!, y!),
  }));
