import { type GraphBuilder, int64, type OpFunctions, type Tensor, type Value } from '@neuroprune/onnx';
import type { indexing } from '../../src/rules/indexing.js';
import { numbers, type Row, type Rows, real, single } from './row.js';

/** Index tuples as a constant: their length must be known. */
const gatherNd = (dims: number[], indices: Tensor, batch_dims = 0): Row => ({
  inputs: [real(dims)],
  build: (op, [x], b) => op.GatherND(x!, b.constant(indices), { batch_dims }),
});

const reductions = ['none', 'add', 'mul', 'max', 'min'];

type Scattered = (op: OpFunctions, x: Value[], b: GraphBuilder, reduction: string) => Value;

/** Each reduction with updates of their own places, and each but `none` with several at one place. */
const scatter = (data: number[], updates: number[], alone: Scattered, together: Scattered): Row[] =>
  reductions.flatMap((reduction) => {
    const inputs = () => [real(data, 0.5, 2), real(updates, 0.5, 2)];
    const row = (build: Scattered): Row => ({ inputs: inputs(), build: (op, x, b) => build(op, x, b, reduction) });
    return reduction === 'none' ? [row(alone)] : [row(alone), row(together)];
  });

/** Rows of operators that read and write by index. */
export const indexingRows: Rows<keyof typeof indexing> = {
  Gather: [
    { inputs: [real([5, 3]), int64([1, 1, 4, -1])], build: (op, [x, i]) => op.Gather(x!, i!) },
    {
      inputs: [real([40, 3]), int64([1, 39, -39, 1, 7, 7], [2, 3])],
      build: (op, [x, i]) => op.Gather(x!, i!, { axis: 0 }),
    },
    { inputs: [real([2, 5, 3]), int64([4, 0, 4, 1], [2, 2])], build: (op, [x, i]) => op.Gather(x!, i!, { axis: -2 }) },
    { inputs: [real([2, 5, 1]), int64([2], [])], build: (op, [x, i]) => op.Gather(x!, i!, { axis: 1 }) },
    { inputs: [real([5]), int64([2], [])], build: (op, [x, i]) => op.Gather(x!, i!) },
    { inputs: [real([2, 3, 4]), int64([3, 0])], build: (op, [x, i]) => op.Gather(x!, i!, { axis: 2 }) },
  ],
  GatherElements: [
    { inputs: [real([3, 3]), int64([0, 2, 2, 1, 1, -1], [2, 3])], build: (op, [x, i]) => op.GatherElements(x!, i!) },
    {
      inputs: [real([2, 3]), int64([0, 0, 2, 1], [2, 2])],
      build: (op, [x, i]) => op.GatherElements(x!, i!, { axis: -1 }),
    },
    { inputs: [real([1, 4]), int64([3], [1, 1])], build: (op, [x, i]) => op.GatherElements(x!, i!, { axis: 1 }) },
  ],
  GatherND: [
    gatherNd([3, 2, 2], int64([0, 1, 2, 1, 0, 1], [3, 2])),
    gatherNd([3, 2], int64([0, -1, 0], [3, 1])),
    gatherNd([3, 2], int64([0, 1, 2, -1], [2, 1, 2])),
    gatherNd([2, 3, 2], int64([1, 1, 0, -1], [2, 2, 1]), 1),
    gatherNd([2, 3, 4], int64([2, 0, -1, 3], [2, 2]), 1),
    gatherNd([2, 1, 3, 2], int64([2, 0, 1, 1], [2, 1, 2]), 2),
    gatherNd([2, 2, 3], int64([0, 1, 2, 0], [2, 2, 1]), 2),
  ],
  OneHot: [0, -1].flatMap((axis) => [
    {
      inputs: [int64([2, 0, 1, 1], [2, 2]), single(real([2]))],
      build: (op: OpFunctions, [i, values]: Value[], b: GraphBuilder) =>
        op.OneHot(i!, b.scalar(3, 'int64'), values!, { axis }),
    },
    {
      inputs: [int64([1], [1]), single(real([2]))],
      build: (op: OpFunctions, [i, values]: Value[], b: GraphBuilder) =>
        op.OneHot(i!, b.scalar(2, 'int64'), values!, { axis }),
    },
  ]),
  ScatterElements: [
    ...scatter(
      [3, 3],
      [2, 2],
      (op, [x, u], b, reduction) =>
        op.ScatterElements(x!, b.constant(int64([0, 2, 1, -1], [2, 2])), u!, { axis: 1, reduction }),
      (op, [x, u], b, reduction) =>
        op.ScatterElements(x!, b.constant(int64([1, -2, 1, 1], [2, 2])), u!, { axis: -1, reduction }),
    ),
    {
      inputs: [real([1, 3]), real([1, 2])],
      build: (op, [x, u], b) =>
        op.ScatterElements(x!, b.constant(int64([0, 0], [1, 2])), u!, { axis: 0, reduction: 'add' }),
    },
    {
      inputs: [numbers([2, 3, 4]), numbers([0, 5, 0, 0])], // zeros among the factors
      build: (op, [x, u], b) => op.ScatterElements(x!, b.constant(int64([0, 0, 1, 1])), u!, { reduction: 'mul' }),
    },
    {
      inputs: [real([3])], // ties
      build: (op, [x], b) =>
        op.ScatterElements(x!, b.constant(int64([0, 1, 2])), op.Identity(x!), { reduction: 'max' }),
    },
  ],
  ScatterND: [
    ...scatter(
      [4, 2, 1],
      [2, 2, 1],
      (op, [x, u], b, reduction) => op.ScatterND(x!, b.constant(int64([2, 0], [2, 1])), u!, { reduction }),
      (op, [x, u], b, reduction) => op.ScatterND(x!, b.constant(int64([1, 1], [2, 1])), u!, { reduction }),
    ),
    {
      inputs: [real([3, 2]), real([2])],
      build: (op, [x, u], b) => op.ScatterND(x!, b.constant(int64([2, 1, 0, -1], [2, 2])), u!),
    },
  ],
  Slice: [
    { inputs: [real([5])], build: (op, [x], b) => op.Slice(x!, b.ints(1), b.ints(-1)) },
    {
      inputs: [real([4, 5, 2])],
      build: (op, [x], b) => op.Slice(x!, b.ints(3, -1), b.ints(0, -6), b.ints(0, 1), b.ints(-2, -2)),
    },
    { inputs: [real([2, 4, 3])], build: (op, [x], b) => op.Slice(x!, b.ints(0), b.ints(1), b.ints(-2)) },
    {
      inputs: [real([4, 2, 5])],
      build: (op, [x], b) => op.Slice(x!, b.ints(1, 2), b.ints(3, 100), b.ints(0, -1), b.ints(1, 1)),
    },
    { inputs: [real([4])], build: (op, [x], b) => op.Slice(x!, b.ints(9), b.ints(10), b.ints(0)) },
    { inputs: [real([7, 1])], build: (op, [x], b) => op.Slice(x!, b.ints(1), b.ints(100), b.ints(0), b.ints(3)) },
    {
      inputs: [real([2, 5]), int64([1]), int64([4])], // bounds known at run time
      build: (op, [x, s, e], b) => op.Slice(x!, s!, e!, b.ints(-1)),
    },
  ],
  TopK: [
    { inputs: [real([2, 5])], build: (op, [x], b) => op.TopK(x!, b.ints(2))[0] },
    { inputs: [real([4, 1, 3])], build: (op, [x], b) => op.TopK(x!, b.ints(3), { axis: 0, largest: 0 })[0] },
    { inputs: [real([2, 4])], build: (op, [x], b) => op.TopK(x!, b.ints(4), { axis: -1, sorted: 0 })[0] },
  ],
};
