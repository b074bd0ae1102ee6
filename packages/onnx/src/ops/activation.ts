import { binary, type OpSpec, unary } from './spec.js';

const alpha = { in: ['x'], attrs: { alpha: 'float' } } as const;

/** Activations that have an operator of their own. */
export const activation = {
  Celu: alpha,
  Elu: alpha,
  HardSwish: unary,
  Hardmax: { in: ['x'], attrs: { axis: 'int' } },
  LeakyRelu: alpha,
  Mish: unary,
  PRelu: binary,
  Selu: { in: ['x'], attrs: { alpha: 'float', gamma: 'float' } },
  Shrink: { in: ['x'], attrs: { bias: 'float', lambd: 'float' } },
  Softsign: unary,
  Swish: { ...alpha, since: 24 },
  ThresholdedRelu: alpha,
} as const satisfies Record<string, OpSpec>;
