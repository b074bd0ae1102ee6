import type { Tensor } from '@neuroprune/onnx';
import { inputTensor } from '@neuroprune/runtime';

/** A tensor of some rows of another, its first axis, in the order given. */
export function selectRows({ dtype, dims, data }: Tensor, rows: readonly number[]): Tensor {
  if (Array.isArray(data)) throw new Error('internal: expected numbers, got strings');
  const values = data as Float32Array;
  const size = dims.slice(1).reduce((n, d) => n * d, 1);
  const taken = new (values.constructor as Float32ArrayConstructor)(rows.length * size);
  for (const [to, from] of rows.entries()) taken.set(values.subarray(from * size, (from + 1) * size), to * size);
  return { dtype, dims: [rows.length, ...dims.slice(1)], data: taken };
}

/** Rows of integers, [rows, length], filled up on a side. */
export function integerRows(
  dtype: 'int64' | 'int32',
  rows: readonly (readonly number[])[],
  fill: { readonly side: 'left' | 'right'; readonly value: number } = { side: 'right', value: 0 },
): Tensor {
  const length = Math.max(...rows.map((row) => row.length));
  const values = new Int32Array(rows.length * length).fill(fill.value);
  for (const [i, row] of rows.entries())
    values.set(row, fill.side === 'left' ? (i + 1) * length - row.length : i * length);
  return inputTensor(dtype, values, [rows.length, length]);
}
