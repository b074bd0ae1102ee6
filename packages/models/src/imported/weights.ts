import { eliminateDeadCode, float32, type Model, type Node, sizeOf, type Tensor, type Value } from '@neuroprune/onnx';
import { toFloat32 } from '../safetensors/dtype.js';
import { intAttribute, readersOf, rewrite } from './rewrite.js';

/** The transpose of a matrix. */
export function transposed({ dims, data }: Tensor<'float32'>): Tensor<'float32'> {
  const [rows = 0, columns = 0] = dims;
  const turned = new Float32Array(rows * columns);
  for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) turned[c * rows + r] = data[r * columns + c]!;
  return float32(turned, [columns, rows]);
}

/** Results of an operator on constant operands; undefined where it is none of these or not on floats. */
type Fold = (node: Node, data: Tensor<'float32'>) => readonly Tensor<'float32'>[] | undefined;

const reshaped: Fold = ({ outputs: [y] }, t) => {
  const dims = y?.shape?.every((d) => typeof d === 'number') ? (y.shape as readonly number[]) : undefined;
  return dims && sizeOf(dims) === t.data.length ? [float32(t.data, dims)] : undefined;
};

/** Equal or unequal parts of the last axis, or of the first. */
const parts: Fold = (node, t) => {
  const rank = t.dims.length;
  const axis = (intAttribute(node, 'axis', 0) + rank) % rank;
  const sizes = node.outputs.map(({ shape }) => shape?.[axis]);
  if (!sizes.every((size) => typeof size === 'number')) return undefined;
  const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((sum, size) => sum + size, 0));
  return sizes.map((size, i) => piece(t, axis, starts[i]!, size));
};

/** The elements from `start` on along an axis. */
export function piece({ dims, data }: Tensor<'float32'>, axis: number, start: number, size: number): Tensor<'float32'> {
  const inner = sizeOf(dims.slice(axis + 1));
  const extent = dims[axis]!;
  const outer = sizeOf(dims.slice(0, axis));
  const taken = new Float32Array(outer * size * inner);
  for (let o = 0; o < outer; o++) {
    const from = (o * extent + start) * inner;
    taken.set(data.subarray(from, from + size * inner), o * size * inner);
  }
  return float32(taken, [...dims.slice(0, axis), size, ...dims.slice(axis + 1)]);
}

const folds: Readonly<Record<string, Fold>> = {
  Cast: ({ outputs: [y] }, t) => (y?.dtype === 'float32' ? [t] : undefined),
  Identity: (_, t) => [t],
  Reshape: reshaped,
  Squeeze: reshaped,
  Unsqueeze: reshaped,
  Flatten: reshaped,
  Split: parts,
  Transpose: (node, t) => {
    const { perm } = node.attributes;
    const turns = perm?.type === 'ints' ? perm.value.join() === '1,0' : perm === undefined;
    return t.dims.length === 2 && turns ? [transposed(t)] : undefined;
  },
};

/** An initializer that holds floats in as many numbers as a weight has. */
function weightOf(value: Value | undefined): Tensor<'float32'> | undefined {
  const held = value?.producer ? undefined : value?.tensor;
  const isFloat = held?.dtype === 'float32' || held?.dtype === 'float16' || held?.dtype === 'bfloat16';
  return held && isFloat && held.dims.length > 0 ? toFloat32(held) : undefined;
}

/**
 * Makes initializers of what exporters compute from weights: transposes, casts, other shapes and parts. The result has the
 * weight's name, parts have `<name>.0`, `<name>.1` …; a weight that something else reads too stays as it is.
 */
export function foldWeights(model: Model): void {
  const { graph } = model;
  for (let changed = true; changed; ) {
    const readers = readersOf(graph);
    changed = rewrite(graph, (node, builder) => {
      const [from] = node.inputs;
      const fold = node.domain === '' ? folds[node.opType] : undefined;
      const held = fold && from && readers.get(from)?.length === 1 ? weightOf(from) : undefined;
      const results = held && fold!(node, held);
      if (!from || !results || node.outputs.some((y) => graph.outputs.includes(y))) return undefined;
      if (results.length === 1) return new Map([[node.outputs[0]!, renewed(from, results[0]!)]]);
      const named = results.map((t, i) => builder.initializer(`${from.name}.${i}`, t));
      return new Map(node.outputs.map((y, i) => [y, named[i]!]));
    });
  }
  eliminateDeadCode(model);
}

/** The same initializer with another content. */
export function renewed(value: Value, content: Tensor): Value {
  value.tensor = content;
  value.dtype = content.dtype;
  value.shape = content.dims;
  return value;
}
