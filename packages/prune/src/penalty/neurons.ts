import {
  type Axis,
  clampDegrees,
  degrees,
  EPSILON,
  expansionDegrees,
  jointDegrees,
  type OutGrouping,
} from '../degree.js';
import type { Matrix, NeuronMatrices } from '../layer.js';

/** A penalty's value and its gradient for each matrix, in the order in which the matrices were given. */
export interface Penalty {
  readonly value: number;
  readonly gradients: readonly Float32Array[];
}

/** Weighted l1 Σ_i (1/c_i) Σ_j |w_ij| of one matrix with clamped degrees c held constant; gradient sign(w)/c
 * (arXiv 2404.01306, Eq. 1). */
export function weightedL1(m: Matrix, c: Float64Array, axis: Axis): { value: number; gradient: Float32Array } {
  const gradient = new Float32Array(m.data.length);
  let value = 0;
  for (let r = 0, i = 0; r < m.rows; r++)
    for (let col = 0; col < m.cols; col++, i++) {
      const pull = 1 / c[axis === 'row' ? r : col]!;
      value += Math.abs(m.data[i]!) * pull;
      gradient[i] = Math.sign(m.data[i]!) * pull;
    }
  return { value, gradient };
}

const outDegrees = {
  row: ({ contraction }, epsilon) => degrees(contraction, 'row', epsilon),
  unit: ({ contraction }, epsilon) => degrees(contraction, 'column', epsilon),
  joint: jointDegrees,
} satisfies Record<OutGrouping, (mlp: NeuronMatrices, epsilon: number) => Float64Array>;

/** R_mlp of one layer: preferential attachment, poorly connected neurons are pushed harder. Gradients: L_in, then L_out. */
export function neuronPenalty(mlp: NeuronMatrices, grouping: OutGrouping = 'joint', epsilon = EPSILON): Penalty {
  const { intermediate, contraction } = mlp;
  const c = grouping === 'joint' ? jointDegrees(mlp, epsilon) : expansionDegrees(mlp, epsilon);
  const inEntries = grouping === 'joint' ? contraction.rows : intermediate.reduce((sum, m) => sum + m.cols, 0);
  const cIn = clampDegrees(c, inEntries);
  const outEntries = grouping === 'row' ? contraction.cols : contraction.rows;
  const cOut = clampDegrees(outDegrees[grouping](mlp, epsilon), outEntries);
  const parts = [
    ...intermediate.map((m) => weightedL1(m, cIn, 'row')),
    weightedL1(contraction, cOut, grouping === 'row' ? 'row' : 'column'),
  ];
  return { value: parts.reduce((sum, p) => sum + p.value, 0), gradients: parts.map((p) => p.gradient) };
}

/** Soft-thresholds in place, w ← w − clamp(w, −t, t), with one threshold a row or a column. */
export function softThreshold(m: Matrix, thresholds: Float64Array, axis: Axis): void {
  for (let r = 0, i = 0; r < m.rows; r++)
    for (let c = 0; c < m.cols; c++, i++) {
      const w = m.data[i]!;
      const t = thresholds[axis === 'row' ? r : c]!;
      m.data[i] = w - Math.max(-t, Math.min(t, w));
    }
}
