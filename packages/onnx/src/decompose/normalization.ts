import { codeOf } from '../builder.js';
import type { Value } from '../model.js';
import { axisOf } from '../shape.js';
import { type DecomposeContext, type Decomposition, isRead, operand, setting, shapeOf } from './context.js';

/** x/√(mean x² + ε)·scale over the axes from `axis` on, and 1/√(…). Small floats are computed in float32. */
export function rootMeanSquare(
  c: DecomposeContext,
  x: Value,
  scale: Value,
  axis: number,
  epsilon: number,
): [Value, Value] {
  const { op, builder } = c;
  const rank = shapeOf(c, x).length;
  const from = axisOf(axis, rank);
  const axes = builder.ints(...Array.from({ length: rank - from }, (_, i) => from + i));
  const isSmall = x.dtype === 'float16' || x.dtype === 'bfloat16';
  const wide = isSmall ? op.Cast(x, { to: codeOf('float32') }) : x;
  const square = op.ReduceMean(op.Mul(wide, wide), axes, { keepdims: 1 });
  const inverse = op.Reciprocal(op.Sqrt(op.Add(square, epsilon)));
  const normal = op.Mul(wide, inverse);
  return [op.Mul(isSmall ? op.Cast(normal, { to: codeOf(x.dtype!) }) : normal, scale), inverse];
}

/** `RMSNormalization`, and `SimplifiedLayerNormalization` with its second output. */
export const rmsNormalization: Decomposition = (c) => {
  const [y, inverse] = rootMeanSquare(
    c,
    operand(c, 0),
    operand(c, 1),
    setting(c, 'axis', -1),
    setting(c, 'epsilon', 1e-5),
  );
  return [y, inverse];
};

/** x + skip + bias, normalized as `LayerNormalization` does; then mean, 1/σ and the sum itself. */
export const skipLayerNormalization: Decomposition = (c) => {
  const { op, node } = c;
  const [, , , beta, bias] = node.inputs;
  const plain = op.Add(operand(c, 0), operand(c, 1));
  const sum = bias ? op.Add(plain, bias) : plain;
  const attributes = { axis: -1, epsilon: setting(c, 'epsilon', 1e-12) };
  const gamma = operand(c, 2);
  const results = beta
    ? op.LayerNormalization(sum, gamma, beta, attributes)
    : op.LayerNormalization(sum, gamma, attributes);
  return [...results, sum];
};

/** x + skip + bias, normalized by its root mean square; the mean is not computed. */
export const skipSimplifiedLayerNormalization: Decomposition = (c) => {
  const { op, node } = c;
  const plain = op.Add(operand(c, 0), operand(c, 1));
  const sum = node.inputs[3] ? op.Add(plain, node.inputs[3]) : plain;
  const [y, inverse] = rootMeanSquare(c, sum, operand(c, 2), -1, setting(c, 'epsilon', 1e-12));
  const mean = isRead(c, 1) ? op.ReduceMean(sum, c.builder.ints(-1), { keepdims: 1 }) : undefined;
  return [y, mean, inverse, sum];
};
