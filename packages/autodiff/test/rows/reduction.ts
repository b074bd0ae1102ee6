import type { reduction } from '../../src/rules/reduction.js';
import { full, numbers, type Row, type Rows, real } from './row.js';

const axes: readonly (readonly number[] | undefined)[] = [
  undefined,
  [1],
  [-1, 0],
  ...(full ? [[2], [-2], [0, 1, 2, 3], [3, -4]] : []),
];

const reductions = (type: keyof typeof reduction, low = -2, high = 2): Row[] => [
  ...axes.flatMap((list) =>
    [0, 1].map(
      (keepdims): Row => ({
        inputs: [real([2, 3, 1, 4], low, high)],
        build: (op, [x], b) => op[type](x!, list && b.ints(...list), { keepdims }),
      }),
    ),
  ),
  {
    inputs: [real([2, 3], low, high)],
    build: (op, [x]) => op.Mul(x!, op[type](x!, undefined, { noop_with_empty_axes: 1 })),
  },
  { inputs: [real([], low, high)], build: (op, [x]) => op[type](x!) },
];

/** Equal elements that move together, so that ties stay ties. */
const ties = (type: 'ReduceMax' | 'ReduceMin'): Row => ({
  inputs: [real([2, 3])],
  build: (op, [x], b) => op[type](op.Concat([x!, x!], { axis: 1 }), b.ints(1)),
});

/** Rows of reductions over axes. */
export const reductionRows: Rows<keyof typeof reduction> = {
  ReduceL1: reductions('ReduceL1'),
  ReduceL2: reductions('ReduceL2'),
  ReduceLogSum: reductions('ReduceLogSum', 0.5, 2),
  ReduceLogSumExp: reductions('ReduceLogSumExp'),
  ReduceMax: [...reductions('ReduceMax'), ties('ReduceMax')],
  ReduceMean: reductions('ReduceMean'),
  ReduceMin: [...reductions('ReduceMin'), ties('ReduceMin')],
  ReduceProd: [
    ...reductions('ReduceProd'),
    // No zero, one, and two in a row.
    {
      inputs: [numbers([1, 2, 3, 0, 2, 3, 0, 0, 3], [3, 3])],
      build: (op, [x], b) => op.ReduceProd(x!, b.ints(-1), { keepdims: 0 }),
    },
  ],
  ReduceSum: reductions('ReduceSum'),
  ReduceSumSquare: reductions('ReduceSumSquare'),
};
