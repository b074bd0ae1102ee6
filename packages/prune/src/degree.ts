import type { Matrix, NeuronMatrices } from './layer.js';

/** A weight with |w| below this is no connection (ε). */
export const EPSILON = 1e-4;

/** What a neuron of a matrix is: an output row or an input column. */
export type Axis = 'row' | 'column';

/** How L_out is grouped: by output row (the paper as printed), by hidden unit, or one degree for a unit's L_in row
 * and L_out column together. */
export type OutGrouping = 'row' | 'unit' | 'joint';

/** Fraction of each neuron's entries with |w| ≥ ε, one a row or a column. */
export function degrees(m: Matrix, axis: Axis, epsilon = EPSILON): Float64Array {
  const { rows, cols, data } = m;
  const counts = new Float64Array(axis === 'row' ? rows : cols);
  for (let r = 0, i = 0; r < rows; r++)
    for (let c = 0; c < cols; c++, i++) if (Math.abs(data[i]!) >= epsilon) counts[axis === 'row' ? r : c]! += 1;
  const entries = axis === 'row' ? cols : rows;
  return entries === 0 ? counts : counts.map((n) => n / entries);
}

/** Degrees c clamped to at least one connection of `entries`, as the penalties divide by them. */
export function clampDegrees(c: Float64Array, entries: number): Float64Array {
  return c.map((value) => Math.max(value, 1 / entries));
}

/** One hidden unit's fractional degree in L_in, all its rows taken together. */
export function expansionDegrees({ intermediate }: NeuronMatrices, epsilon = EPSILON): Float64Array {
  return mean(intermediate.map((m) => degrees(m, 'row', epsilon)));
}

/** One degree a hidden unit: the mean of its degree in L_in and of its column's in L_out. */
export function jointDegrees(mlp: NeuronMatrices, epsilon = EPSILON): Float64Array {
  return mean([expansionDegrees(mlp, epsilon), degrees(mlp.contraction, 'column', epsilon)]);
}

function mean(vectors: readonly Float64Array[]): Float64Array {
  const [first, ...rest] = vectors;
  if (first === undefined) return new Float64Array(0);
  return first.map((value, i) => rest.reduce((sum, v) => sum + v[i]!, value) / vectors.length);
}
