import { binary, type OpSpec } from './spec.js';

const loss = {
  in: ['input', 'target', 'weight?'],
  attrs: { ignore_index: 'int', reduction: 'string' },
} as const;

/** Products, normalizations and losses. */
export const neural = {
  Einsum: { in: ['...xs'], attrs: { equation: 'string!' } },
  Gemm: { in: ['a', 'b', 'c?'], attrs: { alpha: 'float', beta: 'float', transA: 'int', transB: 'int' } },
  LayerNormalization: {
    in: ['x', 'scale', 'bias?'],
    attrs: { axis: 'int', epsilon: 'float', stash_type: 'int' },
    out: 3,
    outs: [1, 3],
  },
  LogSoftmax: { in: ['x'], attrs: { axis: 'int' } },
  MatMul: binary,
  NegativeLogLikelihoodLoss: loss,
  Softmax: { in: ['x'], attrs: { axis: 'int' } },
  SoftmaxCrossEntropyLoss: { ...loss, out: 2, outs: [1, 2] },
} as const satisfies Record<string, OpSpec>;
