import type { LinearNames, PrunableGroups } from '@neuroprune/models';
import { prunableWeights } from '@neuroprune/models';
import type { Tensor } from '@neuroprune/onnx';
import { PruneError } from './errors.js';
import type { Matrix, PrunableLayer } from './layer.js';

/** Float32 parameters by name, as arrays or as tensors. */
export type Weights = ReadonlyMap<string, Float32Array | Tensor<'float32'>>;

/** Names of the prunable matrices of all layers. */
export const prunableNames = (groups: readonly PrunableGroups[]): string[] => groups.flatMap(prunableWeights);

/** The prunable layers over the same arrays: no weight is copied. Shapes follow from the groups' counts. */
export function prunableLayers(groups: readonly PrunableGroups[], weights: Weights): PrunableLayer[] {
  return groups.map((group) => prunableLayer(group, weights));
}

function prunableLayer(groups: PrunableGroups, weights: Weights): PrunableLayer {
  checkLayout(groups);
  const { heads: h, neurons: n } = groups;
  const width = h.count * h.size;
  const bias = ({ bias: name }: LinearNames) => find(weights, name);
  const [contraction, ...others] = n.in;
  if (!contraction || others.length > 0)
    throw new PruneError(`internal: expected one matrix that reads the hidden units, got ${n.in.length}`);
  return {
    query: withRows(weights, h.query, width),
    key: withRows(weights, h.key, width),
    value: withRows(weights, h.value, width),
    output: withColumns(weights, h.output, width),
    intermediate: n.out.map((names) => withRows(weights, names, n.count)),
    contraction: withColumns(weights, contraction, n.count),
    biases: {
      query: bias(h.query),
      key: bias(h.key),
      value: bias(h.value),
      output: bias(h.output),
      intermediate: n.out.map(bias),
      contraction: bias(contraction),
    },
    heads: h.count,
  };
}

/** Refuses what the method does not look at, so that no matrix is read as another. */
function checkLayout({ layer, heads: h, neurons: n, crossHeads }: PrunableGroups): void {
  const linears = [h.query, h.key, h.value, h.output, ...n.out, ...n.in];
  const problem =
    ((h.queries ?? 1) > 1 && 'key/value heads that several query heads share') ||
    (linears.some((names) => names.transposed) && 'matrices stored [in, out]') ||
    (crossHeads && 'heads that read an encoder') ||
    (h.biasTable && 'heads with a shared table of position biases');
  if (problem) throw new PruneError(`${layer}: expected a layout that can be pruned, got ${problem}`);
}

const withRows = (weights: Weights, names: LinearNames, rows: number): Matrix =>
  matrix(weights, names, (length) => [rows, length / rows]);

const withColumns = (weights: Weights, names: LinearNames, cols: number): Matrix =>
  matrix(weights, names, (length) => [length / cols, cols]);

function matrix(weights: Weights, { weight: name }: LinearNames, shape: (length: number) => [number, number]): Matrix {
  const data = find(weights, name);
  if (!data) throw new PruneError(`${name}: expected among the parameters, got none`);
  const [rows, cols] = shape(data.length);
  if (!Number.isInteger(rows) || !Number.isInteger(cols))
    throw new PruneError(`internal: ${name}: expected equal rows and columns, got ${data.length} weights`);
  return { name, rows, cols, data };
}

function find(weights: Weights, name: string): Float32Array | undefined {
  const found = weights.get(name);
  return found instanceof Float32Array ? found : found?.data;
}
