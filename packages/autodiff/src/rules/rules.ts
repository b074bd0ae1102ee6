import type { Differentiable, RuleTable } from '../rule.js';
import { decomposed } from './decomposed.js';
import { einsum } from './einsum.js';
import { elementwise } from './elementwise.js';
import { indexing } from './indexing.js';
import { linalg } from './linalg.js';
import { losses } from './losses.js';
import { movement } from './movement.js';
import { normalization } from './normalization.js';
import { reduction } from './reduction.js';
import { selection } from './selection.js';

/** The gradient rule of every differentiable operator; one that is missing does not compile. */
export const rules: RuleTable<Differentiable> = {
  ...decomposed,
  ...einsum,
  ...elementwise,
  ...indexing,
  ...linalg,
  ...losses,
  ...movement,
  ...normalization,
  ...reduction,
  ...selection,
};
