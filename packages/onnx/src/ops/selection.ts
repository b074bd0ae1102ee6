import type { OpSpec } from './spec.js';

/** Operators that pick elements by their values, and write into places. */
export const selection = {
  Compress: { in: ['x', 'condition'], attrs: { axis: 'int' } },
  NonZero: { in: ['x'] },
  ReverseSequence: { in: ['x', 'sequence_lens'], attrs: { batch_axis: 'int', time_axis: 'int' } },
  Scatter: { in: ['data', 'indices', 'updates'], attrs: { axis: 'int' } },
  Size: { in: ['x'] },
  TensorScatter: { in: ['cache', 'update', 'write_indices?'], attrs: { axis: 'int', mode: 'string' }, since: 24 },
  Unique: { in: ['x'], attrs: { axis: 'int', sorted: 'int' }, out: 4, outs: [1, 4] },
} as const satisfies Record<string, OpSpec>;
