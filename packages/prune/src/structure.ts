import { degrees, jointDegrees } from './degree.js';
import { attentionOf, liveHeads } from './heads/attention-layer.js';
import type { HeadRemoval } from './heads/eliminate.js';
import { headShares } from './heads/plan.js';
import { countWeights, countZeros, type Matrix, matricesOf, type PrunableLayer, readers } from './layer.js';

/** Bins of the degree histograms, equal parts of 0 … 1 (1 itself in the last). */
const BINS = 20;

/** A distribution of fractional degree over neurons. */
export interface DegreeDistribution {
  readonly neurons: number;
  readonly mean: number;
  /** Sample standard deviation. */
  readonly sd: number;
  readonly histogram: readonly number[];
}

/** What became of a head, for the report. */
export type HeadState =
  | { readonly state: 'kept' }
  | { readonly state: 'absorbed'; readonly into: number }
  | { readonly state: 'removed' };

/** What of one layer still does something, and what would remain after cutting. */
export interface LayerStructure {
  readonly layer: number;
  /** Heads and hidden units that stay; dimensions are counted among the live heads and units. */
  readonly heads: number;
  readonly hiddenUnits: number;
  /** Dimensions of Q, K, V and of O; then of L_in and of L_out. */
  readonly inputDims: number;
  readonly outputDims: number;
  readonly mlpInputDims: number;
  readonly mlpOutputDims: number;
  /** Share of exact zeros in the layer's prunable matrices. */
  readonly zeros: number;
  /** Weights of the prunable matrices: all, with dead heads and units cut, and with dead dimensions cut as well. */
  readonly weights: { readonly dense: number; readonly cut: number; readonly cutDimensions: number };
  readonly headStates: readonly HeadState[];
  /** Σ|W_O| of each head as a share of the layer. */
  readonly headShares: readonly number[];
  /** Connections of hidden units (L_in row and L_out column) and of input dimensions (columns of Q, K, V). */
  readonly degrees: { readonly units: DegreeDistribution; readonly inputs: DegreeDistribution };
}

/** Reads the structure off the weights, a layer each; `removals` tells which head absorbed which on the way. */
export function structureOf(layers: readonly PrunableLayer[], removals: readonly HeadRemoval[] = []): LayerStructure[] {
  return layers.map((layer, index) => {
    const matrices = matricesOf([layer]);
    const units = liveUnits(layer);
    const heads = liveHeads(attentionOf(layer));
    const dims = liveDimensions(layer, heads, units);
    return {
      layer: index,
      heads: count(heads),
      hiddenUnits: count(units),
      ...dims,
      zeros: countZeros(matrices) / countWeights(matrices),
      weights: remaining(layer, count(heads), count(units), dims),
      headStates: headStates(
        heads,
        removals.filter((r) => r.layer === index),
      ),
      headShares: headShares(attentionOf(layer)),
      degrees: {
        units: distribution(jointDegrees(layer, Number.MIN_VALUE)),
        inputs: distribution(inputDegrees(layer)),
      },
    };
  });
}

/** Hidden units that still do something: dead when the L_out column is zero, or all L_in rows are (a constant). */
export function liveUnits({ intermediate, contraction }: PrunableLayer): boolean[] {
  const fed = anyRow(intermediate, contraction.cols);
  const heard = anyColumn([contraction], contraction.cols);
  return fed.map((value, unit) => value && heard[unit]!);
}

/** Mean, sample standard deviation and histogram of degrees. */
export function distribution(values: ArrayLike<number>): DegreeDistribution {
  const list = Array.from(values);
  const mean = list.reduce((sum, v) => sum + v, 0) / (list.length || 1);
  const squares = list.reduce((sum, v) => sum + (v - mean) ** 2, 0);
  const histogram = new Array<number>(BINS).fill(0);
  for (const value of list) histogram[Math.min(BINS - 1, Math.floor(value * BINS))]!++;
  return { neurons: list.length, mean, sd: list.length > 1 ? Math.sqrt(squares / (list.length - 1)) : 0, histogram };
}

type Dimensions = Pick<LayerStructure, 'inputDims' | 'outputDims' | 'mlpInputDims' | 'mlpOutputDims'>;

function liveDimensions(layer: PrunableLayer, heads: readonly boolean[], units: readonly boolean[]): Dimensions {
  const { query, key, value, output, intermediate, contraction } = layer;
  const inHead = (size: number) => (index: number) => heads[Math.floor(index / (size / layer.heads))]!;
  const qkv = [query, key, value];
  const anyInput = qkv.map((m) => anyColumn([m], m.cols, inHead(m.rows)));
  return {
    inputDims: count(Array.from({ length: query.cols }, (_, i) => anyInput.some((live) => live[i]))),
    outputDims: count(anyRow([output], output.rows, inHead(output.cols))),
    mlpInputDims: count(anyColumn(intermediate, intermediate[0]?.cols ?? 0, (unit) => units[unit]!)),
    mlpOutputDims: count(anyRow([contraction], contraction.rows, (unit) => units[unit]!)),
  };
}

function remaining(layer: PrunableLayer, heads: number, units: number, dims: Dimensions): LayerStructure['weights'] {
  const { query, key, value, output, intermediate, contraction } = layer;
  const share = heads / layer.heads;
  const rows = (query.rows + key.rows + value.rows) * share;
  const attention = (inputs: number, outputs: number) => rows * inputs + output.cols * share * outputs;
  const mlp = (inputs: number, outputs: number) => units * (intermediate.length * inputs + outputs);
  return {
    dense: countWeights(matricesOf([layer])),
    cut: attention(query.cols, output.rows) + mlp(intermediate[0]?.cols ?? 0, contraction.rows),
    cutDimensions: attention(dims.inputDims, dims.outputDims) + mlp(dims.mlpInputDims, dims.mlpOutputDims),
  };
}

function headStates(alive: readonly boolean[], removals: readonly HeadRemoval[]): HeadState[] {
  return alive.map((live, head) => {
    if (live) return { state: 'kept' };
    const into = removals.find((r) => r.head === head)?.into ?? null;
    return into === null ? { state: 'removed' } : { state: 'absorbed', into };
  });
}

/** Degrees of the input dimensions, those of the decoder before those of the encoder where both are read. */
function inputDegrees(layer: PrunableLayer): number[] {
  return readers(layer).flatMap((matrices) => {
    const rows = matrices.reduce((sum, m) => sum + m.rows, 0);
    const weighted = matrices.map((m) => degrees(m, 'column', Number.MIN_VALUE).map((c) => c * m.rows));
    return Array.from({ length: matrices[0]!.cols }, (_, i) => weighted.reduce((sum, c) => sum + c[i]!, 0) / rows);
  });
}

/** For each row: whether one of the matrices has a non-zero entry in it, in the columns that `counts` admits. */
function anyRow(
  matrices: readonly Matrix[],
  rows: number,
  counts: (column: number) => boolean = () => true,
): boolean[] {
  const live = new Array<boolean>(rows).fill(false);
  for (const { cols, data } of matrices)
    for (let r = 0, i = 0; r < rows; r++)
      for (let c = 0; c < cols; c++, i++) if (data[i] !== 0 && counts(c)) live[r] = true;
  return live;
}

/** The same for each column, in the rows that `counts` admits. */
function anyColumn(
  matrices: readonly Matrix[],
  cols: number,
  counts: (row: number) => boolean = () => true,
): boolean[] {
  const live = new Array<boolean>(cols).fill(false);
  for (const { rows, data } of matrices)
    for (let r = 0, i = 0; r < rows; r++)
      for (let c = 0; c < cols; c++, i++) if (data[i] !== 0 && counts(r)) live[c] = true;
  return live;
}

function count(flags: readonly boolean[]): number {
  return flags.filter(Boolean).length;
}
