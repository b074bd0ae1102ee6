import { codeOf } from '@neuroprune/onnx';
import type { RuleTable } from '../rule.js';
import { outputOf } from './outputs.js';
import { isFloat, likeElements } from './selection.js';

const TWO_OVER_SQRT_PI = 2 / Math.sqrt(Math.PI);
const SQRT_HALF = Math.SQRT1_2;
const SQRT_TWO_OVER_PI = Math.sqrt(2 / Math.PI);

/** Operators that work element by element; `g` is the gradient of the result. */
export const elementwise: RuleTable<
  | 'Abs'
  | 'Add'
  | 'Cast'
  | 'CastLike'
  | 'Cos'
  | 'Div'
  | 'Dropout'
  | 'Erf'
  | 'Exp'
  | 'Gelu'
  | 'HardSigmoid'
  | 'Identity'
  | 'Log'
  | 'Mod'
  | 'Mul'
  | 'Neg'
  | 'Pow'
  | 'Reciprocal'
  | 'Relu'
  | 'Sigmoid'
  | 'Sin'
  | 'Softplus'
  | 'Sqrt'
  | 'Sub'
  | 'Tanh'
> = {
  Abs: ({ op, x: [x], g }) => [op.Mul(g, op.Sign(x))],
  Add: ({ g }) => [g, g],
  Cast: ({ op, x: [x], g }) => [isFloat(x) ? op.Cast(g, { to: codeOf(x.dtype) }) : null],
  CastLike: ({ op, x: [x], g }) => [isFloat(x) ? op.Cast(g, { to: codeOf(x.dtype) }) : null, null],
  Cos: ({ op, x: [x], g }) => [op.Neg(op.Mul(g, op.Sin(x)))],
  Div: ({ op, x: [, b], y, g }) => {
    const a = op.Div(g, b);
    return [a, op.Neg(op.Mul(a, y))]; // d(a/b) = da/b - y·db/b
  },
  // The identity at inference; in training y = x·mask/(1 - ratio) with the node's own mask.
  Dropout: ({ op, builder, node, x: [x, ratio, training], g }) => {
    if (!training) return [g, null, null];
    const scale = ratio ? op.Reciprocal(op.Sub(1, likeElements(op, ratio, g))) : 2;
    return [
      op.Where(
        outputOf(builder, node, 1, { dtype: 'bool', shape: x.shape }),
        op.Where(training, op.Mul(g, scale), g),
        0,
      ),
      null,
      null,
    ];
  },
  Erf: ({ op, x: [x], g }) => [op.Mul(g, op.Mul(TWO_OVER_SQRT_PI, op.Exp(op.Neg(op.Mul(x, x)))))],
  Exp: ({ op, y, g }) => [op.Mul(g, y)],
  Gelu: ({ op, x: [x], g, attrs: { approximate = 'none' } }) => {
    if (approximate === 'tanh') {
      // y = x/2·(1 + t), t = tanh(√(2/π)·(x + 0.044715·x³))
      const square = op.Mul(x, x);
      const t = op.Tanh(op.Mul(x, op.Add(op.Mul(square, SQRT_TWO_OVER_PI * 0.044715), SQRT_TWO_OVER_PI)));
      const inner = op.Mul(x, op.Add(op.Mul(square, SQRT_TWO_OVER_PI * 0.134145), SQRT_TWO_OVER_PI)); // x·d(inner)/dx
      const slope = op.Mul(op.Add(1, t), op.Add(1, op.Mul(inner, op.Sub(1, t))));
      return [op.Mul(g, op.Mul(slope, 0.5))];
    }
    // dy/dx = Φ(x) + x·φ(x); with u = x/√2 that is ½ + ½·erf u, a line that HardSigmoid cuts off nowhere, and u·e^(-u²)/√π.
    const u = op.Mul(x, SQRT_HALF);
    const cumulative = op.HardSigmoid(op.Erf(u), { alpha: 0.5, beta: 0.5 });
    const density = op.Mul(u, op.Exp(op.Sub(-Math.log(Math.PI) / 2, op.Mul(u, u))));
    return [op.Mul(g, op.Add(cumulative, density))];
  },
  // y = max(0, min(1, alpha·x + beta))
  HardSigmoid: ({ op, y, g, attrs: { alpha = 0.2 } }) => [
    op.Where(op.And(op.Greater(y, 0), op.Less(y, 1)), op.Mul(g, alpha), 0),
  ],
  Identity: ({ g }) => [g],
  Log: ({ op, x: [x], g }) => [op.Div(g, x)],
  Mod: ({ op, x: [a, b], y, g }) => [g, op.Neg(op.Mul(g, op.Round(op.Div(op.Sub(a, y), b))))], // y = a - b·⌊a/b⌋
  Mul: ({ op, x: [a, b], g }) => [op.Mul(g, b), op.Mul(g, a)],
  Neg: ({ op, g }) => [op.Neg(g)],
  // The exponent may be of another type. b·aᵇ⁻¹ is 0 for b = 0, at a = 0 too; log a is real only for a > 0, else taken as 0.
  Pow: ({ op, x: [a, exponent], y, g }) => {
    const b = likeElements(op, exponent, a);
    const isPositive = op.Greater(a, 0);
    const down = op.Where(op.Equal(b, 0), 1, op.Sub(b, 1));
    const forExponent = op.Where(isPositive, op.Mul(op.Mul(g, y), op.Log(op.Where(isPositive, a, 1))), 0);
    return [op.Mul(g, op.Mul(b, op.Pow(a, down))), isFloat(exponent) ? likeElements(op, forExponent, exponent) : null];
  },
  Reciprocal: ({ op, y, g }) => [op.Neg(op.Mul(g, op.Mul(y, y)))],
  Relu: ({ op, y, g }) => [op.Where(op.Greater(y, 0), g, 0)],
  Sigmoid: ({ op, y, g }) => [op.Mul(g, op.Mul(y, op.Sub(1, y)))],
  Sin: ({ op, x: [x], g }) => [op.Mul(g, op.Cos(x))],
  Softplus: ({ op, x: [x], g }) => [op.Mul(g, op.Sigmoid(x))],
  Sqrt: ({ op, y, g }) => [op.Div(op.Mul(g, 0.5), y)],
  Sub: ({ op, g }) => [g, op.Neg(g)],
  Tanh: ({ op, y, g }) => [op.Mul(g, op.Sub(1, op.Mul(y, y)))],
};
