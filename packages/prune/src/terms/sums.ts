import type { GraphBuilder, Value } from '@neuroprune/onnx';

/** Sum of each row of a matrix. [rows, cols] → [rows] */
export const rowSums = (builder: GraphBuilder, matrix: Value): Value =>
  builder.op.ReduceSum(matrix, builder.ints(1), { keepdims: 0 });

/** Sum of each column of a matrix. [rows, cols] → [cols] */
export const columnSums = (builder: GraphBuilder, matrix: Value): Value =>
  builder.op.ReduceSum(matrix, builder.ints(0), { keepdims: 0 });

/** Sum of all elements, a scalar. */
export const total = (builder: GraphBuilder, value: Value): Value =>
  builder.op.ReduceSum(value, undefined, { keepdims: 0 });
