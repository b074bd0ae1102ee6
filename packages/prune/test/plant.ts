import type { Matrix, PrunableLayer } from '../src/index.js';

/** Zeroes rows of a matrix. */
export function clearRows({ cols, data }: Matrix, rows: readonly number[]): void {
  for (const r of rows) data.fill(0, r * cols, (r + 1) * cols);
}

/** Zeroes columns of a matrix. */
export function clearColumns({ rows, cols, data }: Matrix, columns: readonly number[]): void {
  for (let r = 0; r < rows; r++) for (const c of columns) data[r * cols + c] = 0;
}

/** Rows of a head in query, key and value; its columns in the output projection. */
export function headBlock({ query, heads }: PrunableLayer, head: number): number[] {
  const size = query.rows / heads;
  return range(head * size, size);
}

/** `count` whole numbers from `from`. */
export const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);
