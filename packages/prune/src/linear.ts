import type { LinearNames } from '@neuroprune/models';
import type { Tensor } from '@neuroprune/onnx';
import { PruneError } from './errors.js';
import type { Matrix } from './layer.js';

/** Float32 parameters by name, as arrays or as tensors. */
export type Weights = ReadonlyMap<string, Float32Array | Tensor<'float32'>>;

/** What is known of a linear layer: its outputs, or its inputs; the other follows from the size of its weight. */
export type Extent = { readonly rows: number } | { readonly cols: number };

/** The weight of one linear layer as [out, in]: over the same array where it is stored so, a copy where it lies transposed. */
export function matrixOf(weights: Weights, names: LinearNames, extent: Extent): Matrix {
  const { weight: name, part, transposed } = names;
  const all = find(weights, name);
  if (!all) throw new PruneError(`${name}: expected among the parameters, got none`);
  const length = all.length / (part?.of ?? 1);
  const rows = 'rows' in extent ? extent.rows : length / extent.cols;
  const cols = 'cols' in extent ? extent.cols : length / extent.rows;
  if (!Number.isInteger(rows) || !Number.isInteger(cols))
    throw new PruneError(`internal: ${name}: expected equal rows and columns, got ${all.length} weights`);
  if (!transposed)
    return { name, rows, cols, data: part ? all.subarray(part.index * length, (part.index + 1) * length) : all };
  const data = new Float32Array(length);
  eachTransposed(names, { rows, cols }, (at, stored) => {
    data[at] = all[stored]!;
  });
  return { name, rows, cols, data };
}

/** Writes a matrix to where it is stored, where it is a copy. */
export function storeMatrix(weights: Weights, names: LinearNames, matrix: Matrix): void {
  const all = names.transposed && find(weights, names.weight);
  if (!all) return;
  eachTransposed(names, matrix, (at, stored) => {
    all[stored] = matrix.data[at]!;
  });
}

/** The bias of one linear layer, over the same array; undefined where it has none. */
export function biasOf(weights: Weights, { bias: name, part }: LinearNames): Float32Array | undefined {
  const all = find(weights, name);
  if (!all || !part) return all;
  const length = all.length / part.of;
  return all.subarray(part.index * length, (part.index + 1) * length);
}

/** Places of [out, in] in a weight that is stored [in, outs of all parts]. */
function eachTransposed(
  { part }: LinearNames,
  { rows, cols }: Pick<Matrix, 'rows' | 'cols'>,
  visit: (at: number, stored: number) => void,
): void {
  const { index, of } = part ?? { index: 0, of: 1 };
  for (let r = 0, at = 0; r < rows; r++)
    for (let c = 0; c < cols; c++, at++) visit(at, c * rows * of + index * rows + r);
}

/** The array of a parameter. */
export function find(weights: Weights, name: string): Float32Array | undefined {
  const found = weights.get(name);
  return found instanceof Float32Array ? found : found?.data;
}
