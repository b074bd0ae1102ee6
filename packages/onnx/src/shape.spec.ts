import { describe, expect, it } from 'vitest';
import { axisOf, broadcast, product, quotient, type Shape, showShape } from './index.js';

describe('product', () => {
  it.each<[Shape, unknown]>([
    [[], 1],
    [[2, 3], 6],
    [['sequence', 4, 'batch'], '4*batch*sequence'],
    [['2*n', '3*n'], '6*n*n'],
    [[0, 'n'], 0],
    [['n', null], null],
  ])('of %j is %j', (dims, expected) => {
    expect(product(dims)).toBe(expected);
  });
});

describe('quotient', () => {
  it.each([
    ['8*batch*sequence', 'batch', '8*sequence'],
    ['8*batch*sequence', '8*batch*sequence', 1],
    [12, 4, 3],
    [12, 5, null],
    ['batch', 'sequence', null],
    ['n*n', 'n', 'n'],
    ['n', 0, null],
    [null, 2, null],
  ])('of %j and %j is %j', (a, b, expected) => {
    expect(quotient(a, b)).toBe(expected);
  });
});

describe('broadcast', () => {
  it.each<[Shape, Shape, Shape]>([
    [
      ['batch', 1, 4],
      ['sequence', 1],
      ['batch', 'sequence', 4],
    ],
    [[], ['n'], ['n']],
    [[3], ['n'], [3]],
    [['n'], [null], ['n']],
    [['n'], ['m'], [null]],
    [[1], [null], [null]],
  ])('of %j and %j is %j', (a, b, expected) => {
    expect(broadcast(a, b)).toEqual(expected);
    expect(broadcast(b, a)).toEqual(expected);
  });

  it('refuses two numbers that differ', () => {
    expect(() => broadcast([2, 3], [2])).toThrow(/dimensions 3 and 2 differ/);
  });
});

it('axisOf counts from the front and keeps within the rank', () => {
  expect([axisOf(1, 3), axisOf(-1, 3)]).toEqual([1, 2]);
  expect(() => axisOf(3, 3)).toThrow(/axis 3: expected within rank 3/);
});

it('showShape marks what is unknown', () => {
  expect([showShape(['n', null, 3]), showShape(undefined)]).toEqual(['[n,?,3]', '[?…]']);
});
