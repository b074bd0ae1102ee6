/** The integer nearest to a positive number, the even one of two. */
function nearestEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  return rest > 0.5 || (rest === 0.5 && low % 2 === 1) ? low + 1 : low;
}

/** A number's bits as float16 (IEEE 754 binary16), rounded to nearest, ties to even. */
export function float16Bits(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= 65520) return sign | 0x7c00; // what would round to 2¹⁶ is infinite
  const exponent = Math.max(Math.floor(Math.log2(size)), -14);
  const mantissa = nearestEven(size / 2 ** (exponent - 10)); // a subnormal's lacks the leading 1, which then carries nothing
  return sign | (mantissa < 1024 ? mantissa : ((exponent + 15) << 10) + (mantissa - 1024));
}

/** A number's bits as bfloat16, the upper half of float32, rounded to nearest, ties to even. */
export function bfloat16Bits(value: number): number {
  const [bits = 0] = new Uint32Array(Float32Array.of(value).buffer);
  if (Number.isNaN(value)) return 0x7fc0;
  return (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
}

/** The number that float16 bits stand for. */
export function fromFloat16Bits(bits: number): number {
  const [sign, exponent, mantissa] = [bits & 0x8000 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return mantissa ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return exponent === 0 ? sign * mantissa * 2 ** -24 : sign * (1 + mantissa / 1024) * 2 ** (exponent - 15);
}

/** Largest finite float16, 65504, and infinity, as bits. */
const [LARGEST, INFINITE] = [0x7bff, 0x7c00];

/** Bits of float32 numbers: what rounds to 2¹⁶ and beyond in float16, and the least normal float16, 2⁻¹⁴. */
const [OVERFLOW, NORMAL] = [0x477ff000, 0x38800000];

/**
 * Many numbers as float16, as `float16Bits` has them, save that finite ones beyond the range become ±65504: an infinity
 * among weights or in a mask would make NaN.
 */
export function float16Array(values: Float32Array): Uint16Array<ArrayBuffer> {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) {
    const [own, size] = [bits[i] as number, (bits[i] as number) & 0x7fffffff];
    const sign = (own >>> 16) & 0x8000;
    if (size > 0x7f800000) out[i] = 0x7e00;
    else if (size >= OVERFLOW) out[i] = sign | (size === 0x7f800000 ? INFINITE : LARGEST);
    else if (size < NORMAL) out[i] = sign | nearestEven(Math.abs(values[i] as number) * 2 ** 24);
    else out[i] = sign | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13);
  }
  return out;
}
