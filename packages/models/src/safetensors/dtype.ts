import { type DType, sizeOf, type Tensor } from '@neuroprune/onnx';
import { ModelsError } from '../errors.js';

/** Element types of the format (safetensors `Dtype`) that have an ONNX counterpart. */
export const dtypeOf = {
  BF16: 'bfloat16',
  BOOL: 'bool',
  F16: 'float16',
  F32: 'float32',
  F64: 'float64',
  F8_E4M3: 'float8e4m3fn',
  F8_E5M2: 'float8e5m2',
  F8_E8M0: 'float8e8m0',
  I8: 'int8',
  I16: 'int16',
  I32: 'int32',
  I64: 'int64',
  U8: 'uint8',
  U16: 'uint16',
  U32: 'uint32',
  U64: 'uint64',
} as const satisfies Record<string, DType>;

/** Name of an element type in a safetensors header. */
export type SafetensorsDType = keyof typeof dtypeOf;

const names = new Map<DType, SafetensorsDType>(
  Object.entries(dtypeOf).map(([name, dtype]) => [dtype, name as SafetensorsDType]),
);

/** The header's name of an element type; throws for those the format cannot hold. */
export function safetensorsName(dtype: DType): SafetensorsDType {
  const name = names.get(dtype);
  if (!name) throw new ModelsError(`safetensors: expected a type it can hold, got ${dtype}`);
  return name;
}

/** Value of the 16 bits of an IEEE 754 half: sign 1, exponent 5, fraction 10. */
function halfValue(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Value of 8 bits with that many of exponent and fraction (OFP8, https://arxiv.org/abs/2209.05433); E4M3 has no infinity. */
function eightBits(bits: number, exponentBits: 4 | 5): number {
  const fractionBits = 7 - exponentBits;
  const sign = bits & 0x80 ? -1 : 1;
  const top = (1 << exponentBits) - 1;
  const exponent = (bits >> fractionBits) & top;
  const fraction = bits & ((1 << fractionBits) - 1);
  if (exponentBits === 4 && (bits & 0x7f) === 0x7f) return Number.NaN;
  if (exponentBits === 5 && exponent === top) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  const bias = top >> 1;
  const share = fraction / (1 << fractionBits);
  return sign * (exponent === 0 ? share * 2 ** (1 - bias) : (1 + share) * 2 ** (exponent - bias));
}

const table = (count: number, value: (bits: number) => number) =>
  Float32Array.from({ length: count }, (_, bits) => value(bits));

/** The values of bits by a table; `Float32Array.from` would keep a list of them all beside the result. */
function looked(bits: Uint8Array | Uint16Array, values: Float32Array): Float32Array {
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; i++) out[i] = values[bits[i] as number] as number;
  return out;
}

/** The values of all halves, made at the first use. */
let halves: Float32Array | undefined;

/** The 256 values of each type of 8 bits. */
const eightBitValues = {
  float8e4m3fn: table(256, (bits) => eightBits(bits, 4)),
  float8e5m2: table(256, (bits) => eightBits(bits, 5)),
  // Exponents alone (OCP Microscaling 1.0).
  float8e8m0: table(256, (bits) => (bits === 0xff ? Number.NaN : 2 ** (bits - 127))),
};

/** Element types that `toFloat32` widens. */
export const isFloat = (dtype: DType): boolean =>
  ['float32', 'float64', 'float16', 'bfloat16', ...Object.keys(eightBitValues)].includes(dtype);

/** bfloat16 is the upper half of a float32. */
function fromBfloat16(bits: Uint16Array): Float32Array {
  const wide = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; i++) wide[i] = (bits[i] as number) << 16;
  return new Float32Array(wide.buffer);
}

/** A floating-point tensor as float32 (float64 is rounded); float32 comes back as it is. */
export function toFloat32(t: Tensor): Tensor<'float32'> {
  const data = floatData(t);
  if (data.length !== sizeOf(t.dims)) throw new Error(`internal: ${t.dtype} [${t.dims}] holds ${data.length} elements`);
  return { dtype: 'float32', dims: t.dims, data };
}

function floatData({ dtype, data }: Tensor): Float32Array {
  switch (dtype) {
    case 'float32':
      return data as Float32Array;
    case 'float64':
      return new Float32Array(data as Float64Array);
    case 'float16':
      halves ??= table(1 << 16, halfValue);
      return looked(data as Uint16Array, halves);
    case 'bfloat16':
      return fromBfloat16(data as Uint16Array);
    case 'float8e4m3fn':
    case 'float8e5m2':
    case 'float8e8m0':
      return looked(data as Uint8Array, eightBitValues[dtype]);
    default:
      throw new ModelsError(`tensor: expected a floating-point type, got ${dtype}`);
  }
}
