import type { selection } from '../../src/rules/selection.js';
import { bool, type Rows, real } from './row.js';

/** Rows of operators that pass on one of their operands. */
export const selectionRows: Rows<keyof typeof selection> = {
  Clip: [
    { inputs: [real([3, 4])], build: (op, [x]) => op.Clip(x!, -1, 1) },
    {
      inputs: [real([3, 4]), real([], -1, -0.9), real([], 0.9, 1)],
      build: (op, [x, low, high]) => op.Clip(x!, low!, high!),
    },
    {
      inputs: [real([3, 1]), real([], 0.9, 1), real([], -1, -0.9)], // everything is the upper bound
      build: (op, [x, low, high]) => op.Clip(x!, low!, high!),
    },
    { inputs: [real([1, 4]), real([], -1, -0.9)], build: (op, [x, low]) => op.Clip(x!, low!) },
    { inputs: [real([3, 4]), real([], 0.4, 0.5)], build: (op, [x, high]) => op.Clip(x!, undefined, high!) },
    { inputs: [real([])], build: (op, [x]) => op.Clip(x!) },
  ],
  Max: [
    { inputs: [real([2, 3]), real([3]), real([2, 1])], build: (op, x) => op.Max(x) },
    { inputs: [real([2, 3])], build: (op, [x]) => op.Max([x!, op.Identity(x!)]) },
    { inputs: [real([])], build: (op, x) => op.Max(x) },
  ],
  Min: [
    { inputs: [real([2, 3, 1]), real([])], build: (op, x) => op.Min(x) },
    { inputs: [real([3]), real([2, 1]), real([2, 3])], build: (op, x) => op.Min(x) },
    { inputs: [real([2, 3])], build: (op, [x]) => op.Min([x!, op.Identity(x!), op.Add(x!, 1)]) },
  ],
  Where: [
    { inputs: [bool([1, 0, 1]), real([2, 3]), real([])], build: (op, [c, x, y]) => op.Where(c!, x!, y!) },
    { inputs: [bool([1, 0], [2, 1]), real([3]), real([2, 3])], build: (op, [c, x, y]) => op.Where(c!, x!, y!) },
    { inputs: [bool([1], []), real([1, 3]), real([2, 1])], build: (op, [c, x, y]) => op.Where(c!, x!, y!) },
    { inputs: [bool([0], []), real([]), real([])], build: (op, [c, x, y]) => op.Where(c!, x!, y!) },
  ],
};
