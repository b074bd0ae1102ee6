import { type Decomposition, operand, setting } from './context.js';

/** Gelu(a + b). */
export const biasGelu: Decomposition = (c) => [c.op.Gelu(c.op.Add(operand(c, 0), operand(c, 1)))];

/** The approximation of Gelu by tanh, of x + bias. */
export const fastGelu: Decomposition = (c) => {
  const x = operand(c, 0);
  return [c.op.Gelu(c.node.inputs[1] ? c.op.Add(x, c.node.inputs[1]) : x, { approximate: 'tanh' })];
};

/** x·σ(α·x). */
export const quickGelu: Decomposition = (c) => {
  const x = operand(c, 0);
  return [c.op.Mul(x, c.op.Sigmoid(c.op.Mul(x, setting(c, 'alpha', 1.702))))];
};
