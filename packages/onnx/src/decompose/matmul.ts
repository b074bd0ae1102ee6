import type { Value } from '../model.js';
import { type DecomposeContext, type Decomposition, operand, setting, shapeOf } from './context.js';

/** The first axis moved behind the batch, then the last two exchanged. */
function arranged(c: DecomposeContext, x: Value, name: 'A' | 'B'): Value {
  const rank = shapeOf(c, x).length;
  if (rank < 2) return x;
  const axes = Array.from({ length: rank }, (_, i) => i);
  const moved = setting(c, `transBatch${name}`, 0) === 1 ? [...axes.slice(1, -1), 0, rank - 1] : axes;
  const last = moved.splice(-2);
  const perm = [...moved, ...(setting(c, `trans${name}`, 0) === 1 ? last.reverse() : last)];
  return perm.every((a, i) => a === i) ? x : c.op.Transpose(x, { perm });
}

/** alpha·A·B, each arranged as its attributes say. */
export const fusedMatMul: Decomposition = (c) => {
  const y = c.op.MatMul(arranged(c, operand(c, 0), 'A'), arranged(c, operand(c, 1), 'B'));
  const alpha = setting(c, 'alpha', 1);
  return [alpha === 1 ? y : c.op.Mul(y, alpha)];
};
