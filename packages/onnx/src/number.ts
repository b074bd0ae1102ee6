import type { AttributeValue } from './model.js';

/** The number with the fewest digits that is this one in float32: 1e-5 for 0.000009999999747378752. */
export function shortestFloat(value: number): number {
  for (let digits = 6; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Object.is(Math.fround(short), value)) return short;
  }
  return value;
}

/** An integer attribute; `exact` only where a number cannot hold it. */
export function intAttribute(int: bigint): Extract<AttributeValue, { type: 'int' }> {
  const value = Number(int);
  return Number.isSafeInteger(value) ? { type: 'int', value } : { type: 'int', value, exact: int };
}

/** A list of integers; `exact` only where numbers cannot hold them. */
export function intsAttribute(ints: ArrayLike<bigint>): Extract<AttributeValue, { type: 'ints' }> {
  const value = Array.from(ints, Number);
  return value.every(Number.isSafeInteger) ? { type: 'ints', value } : { type: 'ints', value, exact: Array.from(ints) };
}
