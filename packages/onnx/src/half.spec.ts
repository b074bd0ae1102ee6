import { describe, expect, it } from 'vitest';
import { bfloat16Bits, float16Bits, fromFloat16Bits } from './half.js';

describe('numbers of two bytes', () => {
  it.each([
    [0, 0],
    [-0, 0x8000],
    [1, 0x3c00],
    [-2, 0xc000],
    [65504, 0x7bff],
    [65519, 0x7bff],
    [65520, 0x7c00],
    [Number.NEGATIVE_INFINITY, 0xfc00],
    [2 ** -14, 0x0400],
    [2 ** -24, 1],
    [2 ** -25, 0],
    [1.5 * 2 ** -24, 2],
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [2047.9, 0x6800],
    [0.1, 0x2e66],
  ])('%d is %d in float16', (value, bits) => expect(float16Bits(value)).toBe(bits));

  it('every finite float16 comes back as it was', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      if (((bits >> 10) & 31) < 31) expect(float16Bits(fromFloat16Bits(bits))).toBe(bits);
    }
    expect([0x7c00, 0xfc00, 0x7e01].map(fromFloat16Bits)).toEqual([
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      Number.NaN,
    ]);
    expect(float16Bits(Number.NaN)).toBe(0x7e00);
  });

  it.each([
    [1, 0x3f80],
    [-1, 0xbf80],
    [1 + 2 ** -8, 0x3f80],
    [1 + 3 * 2 ** -8, 0x3f82],
    [Number.POSITIVE_INFINITY, 0x7f80],
    [Number.NaN, 0x7fc0],
    [3.4e38, 0x7f80],
  ])('%d is %d in bfloat16', (value, bits) => expect(bfloat16Bits(value)).toBe(bits));
});
