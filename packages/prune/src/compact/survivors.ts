import { attentionOf, blockOf, liveHeads } from '../heads/attention-layer.js';
import type { Matrix, PrunableLayer } from '../layer.js';
import { liveUnits } from '../structure.js';

/** What of one layer stays, as ascending indices into the dense layer. */
export interface Survivors {
  readonly heads: readonly number[];
  readonly units: readonly number[];
  /** Input dimensions that the matrices still read; all where absent. */
  readonly inputs: { readonly attention?: readonly number[]; readonly mlp?: readonly number[] };
}

/**
 * Weights that picking one more input dimension must be worth. In ONNX Runtime on a CPU, picking a number of a row takes
 * about as long as 64 more multiplications in the product do; its index takes the bytes of two weights.
 */
const PICK_COST = 64;

/** Heads and units that have to stay: a dead one whose constant has no bias to go into stays as well. */
export function essential(layer: PrunableLayer): { heads: number[]; units: number[] } {
  const { biases } = layer;
  const keepsHead = biases.output === undefined && biases.value !== undefined;
  const spoken = liveColumns([layer.output]);
  const speaks = (h: number) =>
    headRows({ rows: layer.output.cols }, layer.heads, [h]).some((column) => spoken[column]);
  const keepsUnit = biases.contraction === undefined && (biases.intermediate ?? []).some((bias) => bias !== undefined);
  const heard = liveColumns([layer.contraction]);
  return {
    heads: where(
      liveHeads(attentionOf(layer)).map((live, h) => live || (keepsHead && speaks(h) && hasValueBias(layer, h))),
    ),
    units: where(liveUnits(layer).map((live, u) => live || (keepsUnit && heard[u]!))),
  };
}

/** The input dimensions read by what stays of a layer, where cutting the others makes it smaller and no slower. */
export function readInputs(layer: PrunableLayer, kept: { heads: readonly number[]; units: readonly number[] }) {
  const qkv = [layer.query, layer.key, layer.value];
  // The graphs of layers that read an encoder pick no inputs for it.
  const attention = layer.cross ? undefined : worthPicking(qkv, (m) => headRows(m, layer.heads, kept.heads));
  const mlp = worthPicking(layer.intermediate, () => kept.units);
  return { ...(attention && { attention }), ...(mlp && { mlp }) };
}

/** Rows (or columns, counted over `size`) of the given heads. */
export const headRows = ({ rows }: Pick<Matrix, 'rows'>, heads: number, kept: readonly number[]): number[] =>
  headBlocks(rows / heads, kept);

/** Places in the blocks of `size` of the given heads. */
export const headBlocks = (size: number, kept: readonly number[]): number[] =>
  kept.flatMap((head) => Array.from({ length: size }, (_, i) => head * size + i));

function worthPicking(matrices: readonly Matrix[], rowsOf: (m: Matrix) => readonly number[]): number[] | undefined {
  const rows = matrices.map(rowsOf);
  const live = where(liveColumns(matrices, rows));
  const cut = (matrices[0]?.cols ?? 0) - live.length;
  const saved = cut * rows.reduce((sum, r) => sum + r.length, 0);
  return saved > PICK_COST * live.length && live.length > 0 ? live : undefined;
}

/** For each column: whether one of the matrices has a non-zero entry in it, in the given rows of each (all when absent). */
function liveColumns(matrices: readonly Matrix[], rowsOf?: readonly (readonly number[])[]): boolean[] {
  const live = new Array<boolean>(matrices[0]?.cols ?? 0).fill(false);
  for (const [i, { rows, cols, data }] of matrices.entries())
    for (const r of rowsOf?.[i] ?? Array.from({ length: rows }, (_, row) => row))
      for (let c = 0; c < cols; c++) if (data[r * cols + c] !== 0) live[c] = true;
  return live;
}

function hasValueBias({ biases, heads }: PrunableLayer, head: number): boolean {
  const bias = biases.value!;
  return bias.subarray(...blockOf(bias, head, heads)).some((b) => b !== 0);
}

const where = (flags: readonly boolean[]): number[] => flags.flatMap((flag, i) => (flag ? [i] : []));
