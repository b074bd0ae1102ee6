import { type DType, packedBits } from '../dtype.js';
import type { Tensor, TensorArrays } from '../tensor.js';

const isSigned = (dtype: DType): boolean => dtype === 'int4' || dtype === 'int2';

/** One byte an element from packed bits, the lowest bits first (onnx.proto, `raw_data`); signed types keep their sign. */
export function unpack(dtype: DType, bytes: Uint8Array, count: number): TensorArrays['uint4'] | TensorArrays['int4'] {
  const bits = packedBits(dtype) ?? 8;
  const mask = (1 << bits) - 1;
  const out = isSigned(dtype) ? new Int8Array(count) : new Uint8Array(count);
  const shift = isSigned(dtype) ? 32 - bits : 0;
  for (let i = 0; i < count; i++) {
    const at = (i * bits) >>> 3;
    const word = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
    out[i] = (((word >>> ((i * bits) & 7)) & mask) << shift) >> shift;
  }
  return out;
}

/** Packed bits of one byte an element; the last byte is filled with zeros. */
export function pack({ dtype, data }: Tensor): Uint8Array {
  const bits = packedBits(dtype) ?? 8;
  const mask = (1 << bits) - 1;
  const elements = data as Uint8Array;
  const out = new Uint8Array(Math.ceil((elements.length * bits) / 8));
  for (let i = 0; i < elements.length; i++) {
    const at = (i * bits) >>> 3;
    const word = ((elements[i] as number) & mask) << ((i * bits) & 7);
    out[at] = (out[at] as number) | (word & 0xff);
    if (word > 0xff) out[at + 1] = (out[at + 1] as number) | (word >>> 8);
  }
  return out;
}
