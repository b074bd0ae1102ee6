import { int64, tensor, type Value } from '@neuroprune/onnx';
import type { losses } from '../../src/rules/losses.js';
import { type Row, type Rows, real } from './row.js';

const reductions = ['none', 'sum', 'mean'];

/** Scores [N, C, d…] with their targets: plain, with weights of classes, and with targets that do not count. */
const cases = (type: keyof typeof losses): Row[] => {
  const first = (made: Value | Value[]) => (Array.isArray(made) ? (made[0] as Value) : made);
  const target = int64([2, 0, 1]);
  const deep = int64([0, 1, 2, 2, 1, 0, 0, 2], [2, 2, 2]);
  return reductions.flatMap((reduction): Row[] => [
    { inputs: [real([3, 3]), target], build: (op, [x, t]) => first(op[type](x!, t!, { reduction })) },
    {
      inputs: [real([3, 3]), target, real([3], 0.5, 2)],
      build: (op, [x, t, w]) => first(op[type](x!, t!, w!, { reduction })),
    },
    {
      inputs: [real([2, 3, 2, 2]), deep, real([3], 0.5, 2)],
      build: (op, [x, t, w]) => first(op[type](x!, t!, w!, { reduction, ignore_index: 2 })),
    },
    {
      inputs: [real([1, 2, 1]), int64([1], [1, 1])],
      build: (op, [x, t]) => first(op[type](x!, t!, { reduction })),
    },
    {
      inputs: [real([4, 2]), int64([1, -100, 0, -100])],
      build: (op, [x, t]) => first(op[type](x!, t!, { reduction, ignore_index: -100 })),
    },
    {
      inputs: [real([2, 3]), tensor('int32', [2], Int32Array.of(1, 2))],
      build: (op, [x, t]) => first(op[type](x!, t!, { reduction })),
    },
  ]);
};

/** Rows of losses over classes. */
export const lossRows: Rows<keyof typeof losses> = {
  NegativeLogLikelihoodLoss: [
    ...cases('NegativeLogLikelihoodLoss'),
    { inputs: [real([2, 3]), int64([1, 2])], build: (op, [x, t]) => op.NegativeLogLikelihoodLoss(x!, t!) },
  ],
  SoftmaxCrossEntropyLoss: [
    ...cases('SoftmaxCrossEntropyLoss'),
    // Both results, and the probabilities alone.
    {
      inputs: [real([2, 3, 2]), int64([1, 2, 0, 0], [2, 2])],
      build: (op, [x, t]) => op.SoftmaxCrossEntropyLoss(x!, t!),
    },
    {
      inputs: [real([2, 3]), int64([1, 2])],
      build: (op, [x, t]) => op.SoftmaxCrossEntropyLoss(x!, t!, { reduction: 'sum' })[1],
    },
  ],
};
