import type { Batch } from '@neuroprune/runtime';

/** Bytes of batches that a chunk may take up: two are in memory at a time, one that runs and one that is made ready. */
export const CHUNK_BYTES = 2 ** 28;

/** Bytes of a batch's arrays, most of them a teacher's where there is one. */
export const bytesOf = ({ inputs, teacher = {}, labels, weights }: Batch): number =>
  [...Object.values(inputs), ...Object.values(teacher), labels, weights].reduce((n, array) => n + array.byteLength, 0);
