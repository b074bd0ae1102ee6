import type { GraphBuilder, Value } from '@neuroprune/onnx';
import { columnSums, total } from './sums.js';

/** An input dimension whose weights sum to no more than this is gone: the slope of its square root says nothing. */
const GONE = 1e-12;

/** R_attn of one layer as a scalar: Σ_i r_i^½ with r_i = Σ|A_i·| over the columns of query, key and value
 * (arXiv 2404.01306, Eq. 2); value and gradient are zero where nothing is left. */
export function attentionTerm(builder: GraphBuilder, qkv: readonly Value[]): Value {
  const { op } = builder;
  const sums = qkv.map((w) => columnSums(builder, op.Abs(w))).reduce((a, b) => op.Add(a, b));
  const live = op.Greater(sums, GONE);
  // The inner choice keeps the infinite slope at 0 out of the gradient, where 0·∞ would be NaN.
  return total(builder, op.Where(live, op.Sqrt(op.Where(live, sums, 1)), 0));
}
