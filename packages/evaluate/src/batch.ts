import type { Batch } from '@neuroprune/runtime';
import type { EncodedRow, EncodedRows } from './encode.js';

/**
 * Pads rows to [`size`, `length`]. Rows missing to `size` repeat the first one with weight 0, so that every row attends to
 * something and none gives a NaN.
 */
export function padBatch(rows: readonly EncodedRow[], set: EncodedRows, size: number, length: number): Batch {
  const inputs = {
    input_ids: new Int32Array(size * length).fill(set.padId),
    attention_mask: new Int32Array(size * length),
    token_type_ids: new Int32Array(size * length),
  };
  const labels = set.regression ? new Float32Array(size) : new Int32Array(size);
  for (let i = 0; i < size; i++) {
    const row = rows[i] ?? rows[0]!;
    inputs.input_ids.set(row.inputIds, i * length);
    inputs.token_type_ids.set(row.tokenTypeIds, i * length);
    inputs.attention_mask.fill(1, i * length, i * length + row.inputIds.length);
    labels[i] = row.label;
  }
  const weights = new Float32Array(size).fill(1, 0, rows.length);
  return {
    rows: size,
    length,
    inputs,
    labels,
    weights,
    tokens: rows.reduce((sum, row) => sum + row.inputIds.length, 0),
  };
}
