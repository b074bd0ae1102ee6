import type { Differentiable } from '../../src/rule.js';
import { decomposedRows } from './decomposed.js';
import { elementwiseRows } from './elementwise.js';
import { indexingRows } from './indexing.js';
import { linalgRows } from './linalg.js';
import { lossRows } from './losses.js';
import { movementRows } from './movement.js';
import { normalizationRows } from './normalization.js';
import { reductionRows } from './reduction.js';
import type { Rows } from './row.js';
import { selectionRows } from './selection.js';

/** Sample inputs of every rule. */
export const rows: Rows<Differentiable> = {
  ...decomposedRows,
  ...elementwiseRows,
  ...indexingRows,
  ...linalgRows,
  ...lossRows,
  ...movementRows,
  ...normalizationRows,
  ...reductionRows,
  ...selectionRows,
};
