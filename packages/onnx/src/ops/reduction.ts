import type { OpSpec } from './spec.js';

const reduce = { in: ['data', 'axes?'], attrs: { keepdims: 'int', noop_with_empty_axes: 'int' } } as const;
const arg = { in: ['data'], attrs: { axis: 'int', keepdims: 'int', select_last_index: 'int' } } as const;

/** Operators that fold an axis, or run along one. */
export const reduction = {
  ArgMax: arg,
  ArgMin: arg,
  CumSum: { in: ['x', 'axis'], attrs: { exclusive: 'int', reverse: 'int' } },
  ReduceL1: reduce,
  ReduceL2: reduce,
  ReduceLogSum: reduce,
  ReduceLogSumExp: reduce,
  ReduceMax: reduce,
  ReduceMean: reduce,
  ReduceMin: reduce,
  ReduceProd: reduce,
  ReduceSum: reduce,
  ReduceSumSquare: reduce,
  TopK: { in: ['x', 'k'], attrs: { axis: 'int', largest: 'int', sorted: 'int' }, out: 2 },
} as const satisfies Record<string, OpSpec>;
