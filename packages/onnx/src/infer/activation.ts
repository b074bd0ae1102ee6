import { same } from './elementwise.js';
import type { InferRule } from './rule.js';

/** Shape rules of activations. */
export const activation = {
  Celu: same,
  Elu: same,
  HardSwish: same,
  Hardmax: same,
  LeakyRelu: same,
  Mish: same,
  PRelu: same,
  Selu: same,
  Shrink: same,
  Softsign: same,
  Swish: same,
  ThresholdedRelu: same,
} as const satisfies Record<string, InferRule>;
