/**
 * Symbolic shapes. A dimension is a number, a name (`batch`), a product of names (`batch*sequence`, `32*batch`) or unknown.
 */
import { OnnxError } from './errors.js';

/** One dimension: a number, a named product such as `4*batch*sequence`, or null when nothing is known. */
export type Dim = number | string | null;

/** The dimensions of a tensor. */
export type Shape = readonly Dim[];

interface Monomial {
  readonly factor: number;
  readonly names: readonly string[];
}

function parse(dim: number | string): Monomial {
  if (typeof dim === 'number') return { factor: dim, names: [] };
  const parts = dim.split('*');
  const numbers = parts.filter((p) => /^\d+$/.test(p)).map(Number);
  return { factor: numbers.reduce((a, b) => a * b, 1), names: parts.filter((p) => !/^\d+$/.test(p)) };
}

function format({ factor, names }: Monomial): number | string {
  if (names.length === 0 || factor === 0) return factor;
  const sorted = [...names].sort();
  return (factor === 1 ? sorted : [String(factor), ...sorted]).join('*');
}

/** The product of dimensions; null when one of them is unknown. */
export function product(dims: Shape): Dim {
  let factor = 1;
  const names: string[] = [];
  for (const dim of dims) {
    if (dim === null) return null;
    const m = parse(dim);
    factor *= m.factor;
    names.push(...m.names);
  }
  return format({ factor, names });
}

/** `total / part`, or null when the division does not come out even symbolically. */
export function quotient(total: Dim, part: Dim): Dim {
  if (total === null || part === null) return null;
  const a = parse(total);
  const b = parse(part);
  const names = [...a.names];
  for (const name of b.names) {
    const at = names.indexOf(name);
    if (at < 0) return null;
    names.splice(at, 1);
  }
  if (b.factor === 0 || a.factor % b.factor !== 0) return null;
  return format({ factor: a.factor / b.factor, names });
}

function broadcastDim(a: Dim, b: Dim): Dim {
  if (a === 1) return b;
  if (b === 1 || a === b) return a;
  // Of two different dimensions that are not known to be 1, a number is what both must be at run time.
  if (typeof a === 'number' && typeof b === 'number') {
    throw new OnnxError(`broadcast: dimensions ${a} and ${b} differ`);
  }
  if (typeof a === 'number' || typeof b === 'number') return typeof a === 'number' ? a : b;
  // Of two names, either may be the one that is 1 at run time; a name beside nothing known is taken for the larger.
  return a !== null && b !== null ? null : (a ?? b);
}

/** NumPy broadcasting of two shapes; throws when two known dimensions differ. */
export function broadcast(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) =>
    broadcastDim(
      a[i - rank + a.length] ?? (i < rank - a.length ? 1 : null),
      b[i - rank + b.length] ?? (i < rank - b.length ? 1 : null),
    ),
  );
}

/** An axis counted from the front; throws when it lies outside the rank. */
export function axisOf(axis: number, rank: number): number {
  const at = axis < 0 ? axis + rank : axis;
  if (at < 0 || at >= rank) throw new OnnxError(`axis ${axis}: expected within rank ${rank}`);
  return at;
}

/** A shape as text, for messages: `[batch,128]`. */
export const showShape = (shape: Shape | undefined): string =>
  shape ? `[${shape.map((d) => d ?? '?').join(',')}]` : '[?…]';
