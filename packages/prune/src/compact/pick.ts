import { float32, type Tensor } from '@neuroprune/onnx';

/** The given rows of a matrix, or elements of a vector. */
export function pickRows({ dims, data }: Tensor<'float32'>, rows: readonly number[]): Tensor<'float32'> {
  const [, cols = 1] = dims;
  const picked = new Float32Array(rows.length * cols);
  rows.forEach((row, i) => {
    picked.set(data.subarray(row * cols, (row + 1) * cols), i * cols);
  });
  return float32(picked, [rows.length, ...dims.slice(1)]);
}

/** The given columns of a matrix. */
export function pickColumns({ dims, data }: Tensor<'float32'>, columns: readonly number[]): Tensor<'float32'> {
  const [rows = 0, cols = 0] = dims;
  const picked = new Float32Array(rows * columns.length);
  for (let r = 0, i = 0; r < rows; r++) for (const c of columns) picked[i++] = data[r * cols + c]!;
  return float32(picked, [rows, columns.length]);
}
