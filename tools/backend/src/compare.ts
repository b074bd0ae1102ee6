/** Tolerances of ONNX's own runner of these tests (onnx/backend/test/loader, `rtol` and `atol` of `TestCase`). */
const RELATIVE = 1e-3;
const ABSOLUTE = 1e-7;

/** A tensor as ONNX Runtime gives it. */
export interface Plain {
  readonly type: string;
  readonly dims: readonly number[];
  readonly data: ArrayLike<number | bigint | string>;
}

/** A number of 16-bit floating point from its bits (IEEE 754 binary16). */
export function half(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
}

/** True within the tolerances; NaN equals NaN, and infinities only themselves. */
export function near(got: number, wanted: number): boolean {
  if (Object.is(got, wanted) || got === wanted) return true;
  if (Number.isNaN(got)) return Number.isNaN(wanted);
  return (
    Number.isFinite(got) && Number.isFinite(wanted) && Math.abs(got - wanted) <= ABSOLUTE + RELATIVE * Math.abs(wanted)
  );
}

function agree(type: string, got: number | bigint | string, wanted: number | bigint | string): boolean {
  if (typeof got !== 'number' || typeof wanted !== 'number') return got === wanted;
  return type === 'float16' ? near(half(got), half(wanted)) : near(got, wanted);
}

/** The first difference of two tensors, undefined when they agree. */
export function difference(got: Plain, wanted: Plain): string | undefined {
  const [a, b] = [got, wanted].map(({ type, dims }) => `${type}[${dims}]`);
  if (a !== b) return `expected ${b}, got ${a}`;
  for (let i = 0; i < wanted.data.length; i++) {
    const [x, y] = [got.data[i], wanted.data[i]];
    if (x === undefined || y === undefined || !agree(got.type, x, y)) return `expected ${y} at ${i}, got ${x}`;
  }
  return undefined;
}
