import { binary, type OpSpec } from './spec.js';

/** Products and normalizations. */
export const neural = {
  Gemm: { in: ['a', 'b', 'c?'], attrs: { alpha: 'float', beta: 'float', transA: 'int', transB: 'int' } },
  LayerNormalization: {
    in: ['x', 'scale', 'bias?'],
    attrs: { axis: 'int', epsilon: 'float', stash_type: 'int' },
    out: 3,
  },
  LogSoftmax: { in: ['x'], attrs: { axis: 'int' } },
  MatMul: binary,
  Softmax: { in: ['x'], attrs: { axis: 'int' } },
} as const satisfies Record<string, OpSpec>;
