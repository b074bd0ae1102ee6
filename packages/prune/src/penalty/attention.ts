import type { Matrix } from '../layer.js';
import type { Penalty } from './neurons.js';

/** Keeps ½·r^(−1/2) finite for an input dimension with nothing left. */
const TINY = 1e-12;

/** r_i = Σ|A_i·| of each input dimension i over all given matrices (columns in Hugging Face layout). */
export function inputSums(matrices: readonly Matrix[]): Float64Array {
  const sums = new Float64Array(matrices[0]?.cols ?? 0);
  for (const { rows, cols, data } of matrices)
    for (let r = 0, i = 0; r < rows; r++) for (let c = 0; c < cols; c++, i++) sums[c]! += Math.abs(data[i]!);
  return sums;
}

/** R_attn of one layer: Σ_i r_i^½ over the input dimensions of [Q, K, V], gradient sign(w)·½·r_i^(−½)
 * (arXiv 2404.01306, Eq. 2); zero where nothing is left. */
export function attentionPenalty(qkv: readonly Matrix[]): Penalty {
  const sums = inputSums(qkv);
  const slopes = sums.map((r) => (r === 0 ? 0 : 0.5 / Math.sqrt(r)));
  const gradients = qkv.map(({ data, cols }) => data.map((w, i) => Math.sign(w) * slopes[i % cols]!));
  return { value: sums.reduce((total, r) => total + Math.sqrt(r), 0), gradients };
}

/** Thresholds t_i = scale·½·(r_i + tiny)^(−½) of the proximal step, one an input dimension; scale = lr·β. */
export function attentionThresholds(qkv: readonly Matrix[], scale: number): Float64Array {
  return inputSums(qkv).map((r) => (scale * 0.5) / Math.sqrt(r + TINY));
}
