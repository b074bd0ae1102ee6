import { binary, type OpSpec, unary } from './spec.js';

/** Trigonometric and hyperbolic functions, bits, and sums of many. */
export const arithmetic = {
  Acos: unary,
  Acosh: unary,
  Asin: unary,
  Asinh: unary,
  Atan: unary,
  Atanh: unary,
  BitShift: { in: ['a', 'b'], attrs: { direction: 'string!' } },
  BitwiseAnd: binary,
  BitwiseNot: unary,
  BitwiseOr: binary,
  BitwiseXor: binary,
  CastLike: { in: ['x', 'target'], attrs: { round_mode: 'string', saturate: 'int' } },
  Cosh: unary,
  Det: unary,
  IsInf: { in: ['x'], attrs: { detect_negative: 'int', detect_positive: 'int' } },
  Mean: { in: ['...xs'] },
  Sinh: unary,
  Sum: { in: ['...xs'] },
  Tan: unary,
} as const satisfies Record<string, OpSpec>;
