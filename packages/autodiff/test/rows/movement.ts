import type { movement } from '../../src/rules/movement.js';
import { full, type Row, type Rows, real, shapes } from './row.js';

const padded = (mode: string): Row[] => [
  { inputs: [real([4])], build: (op, [x], b) => op.Pad(x!, b.ints(3, 2), undefined, undefined, { mode }) },
  { inputs: [real([3, 4])], build: (op, [x], b) => op.Pad(x!, b.ints(1, 2, 2, 0), undefined, undefined, { mode }) },
  { inputs: [real([2, 3, 1])], build: (op, [x], b) => op.Pad(x!, b.ints(2, 1), undefined, b.ints(-2), { mode }) },
];

/** Rows of operators that copy elements to other places. */
export const movementRows: Rows<keyof typeof movement> = {
  Concat: [
    { inputs: [real([2, 3]), real([2, 3])], build: (op, x) => op.Concat(x, { axis: 0 }) },
    { inputs: [real([2, 1, 2]), real([2, 3, 2]), real([2, 2, 2])], build: (op, x) => op.Concat(x, { axis: -2 }) },
    { inputs: [real([2])], build: (op, x) => op.Concat(x, { axis: 0 }) },
    { inputs: [real([2, 3])], build: (op, [x]) => op.Concat([x!, x!, op.Neg(x!)], { axis: 1 }) },
  ],
  CumSum: [0, 1].flatMap((exclusive) =>
    [0, 1].flatMap((reverse) =>
      [1, -1].map(
        (axis): Row => ({
          inputs: [real(axis > 0 ? [2, 3, 2] : [3, 1, 4])],
          build: (op, [x], b) => op.CumSum(x!, b.scalar(axis, 'int64'), { exclusive, reverse }),
        }),
      ),
    ),
  ),
  Expand: [
    { inputs: [real([3, 1])], build: (op, [x], b) => op.Expand(x!, b.ints(2, 3, 4)) },
    { inputs: [real([])], build: (op, [x], b) => op.Expand(x!, b.ints(2, 1)) },
    { inputs: [real([1, 3]), real([2, 3])], build: (op, [x, y]) => op.Expand(x!, op.Shape(y!)) },
    { inputs: [real([2, 3])], build: (op, [x], b) => op.Expand(x!, b.ints(1)) },
  ],
  Flatten: [
    ...[0, 2, -1].map((axis): Row => ({ inputs: [real([2, 3, 1, 2])], build: (op, [x]) => op.Flatten(x!, { axis }) })),
    { inputs: [real([])], build: (op, [x]) => op.Flatten(x!, { axis: 0 }) },
  ],
  Pad: [
    { inputs: [real([2, 3])], build: (op, [x], b) => op.Pad(x!, b.ints(1, 0, 2, 1)) },
    { inputs: [real([2, 3]), real([])], build: (op, [x, v], b) => op.Pad(x!, b.ints(1, 2), v!, b.ints(1)) },
    { inputs: [real([2, 4]), real([])], build: (op, [x, v], b) => op.Pad(x!, b.ints(1, -1, 0, -2), v!) },
    {
      inputs: [real([2, 1, 4]), real([])],
      build: (op, [x, v], b) => op.Pad(x!, b.ints(1, -1, 1, 2), v!, b.ints(-2, -1)),
    },
    ...['reflect', 'edge', 'wrap'].flatMap(padded),
  ],
  Reshape: [
    { inputs: [real([2, 3, 4])], build: (op, [x], b) => op.Reshape(x!, b.ints(4, -1)) },
    { inputs: [real([2, 3, 4])], build: (op, [x], b) => op.Reshape(x!, b.ints(0, -1)) },
    { inputs: [real([1])], build: (op, [x], b) => op.Reshape(x!, b.ints()) },
    { inputs: [real([])], build: (op, [x], b) => op.Reshape(x!, b.ints(1, 1)) },
    { inputs: [real([2, 6]), real([3, 4])], build: (op, [x, y]) => op.Reshape(x!, op.Shape(y!)) },
  ],
  Split: [
    { inputs: [real([4, 3])], build: (op, [x]) => op.Split(x!, { num_outputs: 2, axis: 0 }) },
    { inputs: [real([2, 5])], build: (op, [x]) => op.Split(x!, { num_outputs: 2, axis: -1 }) },
    { inputs: [real([2, 5])], build: (op, [x], b) => op.Split(x!, b.ints(1, 3, 1), { axis: -1 }).slice(0, 2) },
    { inputs: [real([1, 6])], build: (op, [x], b) => op.Split(x!, b.ints(1, 5), { axis: 1 })[1]! },
  ],
  Squeeze: [
    { inputs: [real([1, 3, 1])], build: (op, [x], b) => op.Squeeze(x!, b.ints(0)) },
    { inputs: [real([1, 3, 1])], build: (op, [x], b) => op.Squeeze(x!, b.ints(-1, 0)) },
    { inputs: [real([1, 3, 1])], build: (op, [x]) => op.Squeeze(x!) },
  ],
  Tile: [
    { inputs: [real([2, 3])], build: (op, [x], b) => op.Tile(x!, b.ints(3, 2)) },
    { inputs: [real([2, 1, 2])], build: (op, [x], b) => op.Tile(x!, b.ints(1, 3, 1)) },
    { inputs: [real([2, 3]), real([3, 2])], build: (op, [x, y]) => op.Tile(x!, op.Shape(y!)) },
    ...(full ? [{ inputs: [real([2])], build: (op, [x], b) => op.Tile(x!, b.ints(1)) } satisfies Row] : []),
  ],
  Transpose: [
    ...[undefined, [2, 0, 1], [0, 2, 1]].map(
      (perm): Row => ({ inputs: [real([2, 3, 4])], build: (op, [x]) => op.Transpose(x!, perm ? { perm } : {}) }),
    ),
    ...shapes.map((dims): Row => ({ inputs: [real(dims)], build: (op, [x]) => op.Transpose(x!) })),
  ],
  Trilu: [
    { inputs: [real([3, 4])], build: (op, [x]) => op.Trilu(x!) },
    { inputs: [real([2, 3, 4])], build: (op, [x], b) => op.Trilu(x!, b.scalar(-1, 'int64'), { upper: 0 }) },
    { inputs: [real([1, 3, 3])], build: (op, [x], b) => op.Trilu(x!, b.scalar(1, 'int64')) },
  ],
  Unsqueeze: [
    { inputs: [real([2, 3])], build: (op, [x], b) => op.Unsqueeze(x!, b.ints(0, -1)) },
    { inputs: [real([1])], build: (op, [x], b) => op.Unsqueeze(x!, b.ints(1)) },
    { inputs: [real([])], build: (op, [x], b) => op.Unsqueeze(x!, b.ints(0)) },
  ],
};
