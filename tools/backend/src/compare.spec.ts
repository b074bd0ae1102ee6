import { expect, test } from 'vitest';
import { difference, half, near } from './compare.js';

test.each([
  [0x0000, 0],
  [0x3c00, 1],
  [0xc000, -2],
  [0x0001, 2 ** -24],
  [0x7bff, 65504],
  [0x7c00, Number.POSITIVE_INFINITY],
  [0xfc00, Number.NEGATIVE_INFINITY],
  [0x7e00, Number.NaN],
])('float16 %d is %d', (bits, value) => {
  expect(half(bits)).toBe(value);
});

test.each([
  [1, 1.0009, true],
  [1, 1.002, false],
  [0, 5e-8, true],
  [0, 2e-7, false],
  [Number.NaN, Number.NaN, true],
  [Number.NaN, 1, false],
  [1, Number.NaN, false],
  [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, true],
  [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, false],
  [1e30, Number.POSITIVE_INFINITY, false],
  [0, -0, true],
])('%d near %d: %s', (got, wanted, expected) => {
  expect(near(got, wanted)).toBe(expected);
});

const tensor = (type: string, dims: readonly number[], data: ArrayLike<number | bigint | string>) => ({
  type,
  dims,
  data,
});

test.each([
  [tensor('float32', [2], [1, 2]), tensor('float32', [2], [1, 2]), undefined],
  [tensor('float32', [2], [1, 2]), tensor('float32', [1, 2], [1, 2]), 'expected float32[1,2], got float32[2]'],
  [tensor('float64', [1], [1]), tensor('float32', [1], [1]), 'expected float32[1], got float64[1]'],
  [tensor('int64', [2], [1n, 3n]), tensor('int64', [2], [1n, 2n]), 'expected 2 at 1, got 3'],
  [tensor('string', [1], ['a']), tensor('string', [1], ['b']), 'expected b at 0, got a'],
  [tensor('float16', [1], [0x3c00]), tensor('float16', [1], [0x3c01]), undefined],
  [tensor('float16', [1], [0x3c00]), tensor('float16', [1], [0x3d00]), 'expected 15616 at 0, got 15360'],
  [tensor('float32', [0], []), tensor('float32', [0], []), undefined],
])('difference %#', (got, wanted, expected) => {
  expect(difference(got, wanted)).toBe(expected);
});
