import type { normalization } from '../../src/rules/normalization.js';
import { full, type Row, type Rows, real, single } from './row.js';

const softmax = (type: 'Softmax' | 'LogSoftmax'): Row[] =>
  [
    ...[-1, 0, 2].map((axis) => ({ dims: [2, 3, 2, 2], axis })),
    { dims: [2, 1], axis: 1 },
    { dims: [1, 3], axis: -2 },
    ...(full ? [{ dims: [5], axis: 0 }] : []),
  ].map(({ dims, axis }) => ({ inputs: [real(dims)], build: (op, [x]) => op[type](x!, { axis }) }));

/** Rows of operators that normalize along axes. */
export const normalizationRows: Rows<keyof typeof normalization> = {
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
      inputs: [single(real([1, 3, 4])), single(real([1, 3, 4])), single(real([1, 3, 4]))],
      build: (op, [x, w, b]) => op.LayerNormalization(x!, w!, b!, { axis: -3 })[0],
    },
    {
      inputs: [single(real([4, 5])), single(real([5])), single(real([5]))],
      build: (op, [x, w, b]) => op.Mul(x!, op.LayerNormalization(x!, w!, b!, { axis: -1 })[0]),
    },
    // The mean and the inverse deviation as results too, and alone.
    {
      inputs: [single(real([2, 3, 4])), single(real([3, 4])), single(real([3, 4]))],
      build: (op, [x, w, b]) => op.LayerNormalization(x!, w!, b!, { axis: -2 }),
    },
    {
      inputs: [single(real([3, 4])), single(real([4]))],
      build: (op, [x, w]) => op.LayerNormalization(x!, w!, { axis: -1 })[1],
    },
    {
      inputs: [single(real([3, 4])), single(real([4]))],
      build: (op, [x, w]) => op.LayerNormalization(x!, w!, { axis: 1 })[2],
    },
  ],
  LogSoftmax: softmax('LogSoftmax'),
  Softmax: [
    ...softmax('Softmax'),
    { inputs: [real([2, 3, 4]), real([2, 4, 5])], build: (op, [x, v]) => op.MatMul(op.Softmax(x!, { axis: -1 }), v!) },
    {
      inputs: [real([2, 3, 4]), real([1, 3, 4]), real([4, 5])],
      build: (op, [x, factor, v]) => op.MatMul(op.Mul(op.Softmax(x!, { axis: -1 }), factor!), v!),
    },
    {
      inputs: [real([3, 4]), real([1, 4, 4])],
      build: (op, [x, v]) => {
        const y = op.Softmax(op.Unsqueeze(x!, op.Constant({ value_ints: [0] })), { axis: -1 });
        return op.MatMul(op.MatMul(y, v!), op.Mul(v!, op.ReduceSum(y)));
      },
    },
  ],
};
