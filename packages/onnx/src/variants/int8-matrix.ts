import type { Tensor } from '../tensor.js';

/** Largest magnitude: of 7 bits, so that two products of an unsigned and a signed byte fit the 16 bits that some processors add them in. */
const LARGEST = 64;

/** Smallest normal float32; the scale of a row of less is 1 (onnxruntime/quantization/quant_utils.py, `compute_scale_zp`). */
const TINY = 2 ** -126;

/** The axis of a matrix each of whose lines has a scale. */
export type ScaledAxis = 'row' | 'column';

/**
 * A scale a row or column, its largest magnitude / 64: what ONNX Runtime's `quantize_dynamic` gives weights of int8 with
 * `per_channel` and `reduce_range`.
 */
export function int8Scales({ dims, data }: Tensor<'float32'>, axis: ScaledAxis): Float32Array {
  const [rows = 0, columns = 0] = dims;
  const scales = new Float32Array(axis === 'row' ? rows : columns);
  for (let row = 0, i = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, i++) {
      const [at, size] = [axis === 'row' ? row : column, Math.abs(data[i] as number)];
      if (size > (scales[at] as number)) scales[at] = size;
    }
  }
  return scales.map((most) => (most / LARGEST < TINY ? 1 : most / LARGEST));
}

/** The elements as multiples of their scales, zero as zero; `transposed` gives them as [columns, rows]. */
export function int8Elements(
  { dims, data }: Tensor<'float32'>,
  scales: Float32Array,
  axis: ScaledAxis,
  transposed: boolean,
): Int8Array {
  const [rows = 0, columns = 0] = dims;
  const out = new Int8Array(data.length);
  for (let row = 0, i = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, i++) {
      const scale = scales[axis === 'row' ? row : column] as number;
      out[transposed ? column * rows + row : i] = roundEven(Math.fround((data[i] as number) / scale));
    }
  }
  return out;
}

/** Adding 1.5·2⁵² leaves a double no bits for a fraction; the addition rounds to the even neighbour. */
const roundEven = (x: number): number => x + 6755399441055744 - 6755399441055744;
