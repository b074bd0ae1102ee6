import type { Dim, Shape } from '../shape.js';

/** True for the lengths of vectors whose elements are followed. */
export const isShort = (length: Dim | undefined): length is number =>
  typeof length === 'number' && Number.isInteger(length) && length >= 0 && length <= 64;

/** Unknown dimensions in the number that a shape vector's length says. */
export function unknownOfLength(length: Dim | undefined): Shape | undefined {
  return isShort(length) ? new Array<Dim>(length).fill(null) : undefined;
}

/** The elements of a short vector of one and the same. */
export const repeated = (element: Dim, length: Dim | undefined): readonly Dim[] | undefined =>
  isShort(length) ? new Array<Dim>(length).fill(element) : undefined;
