import { float32, type Tensor } from '@neuroprune/onnx';
import type { HeadGroup, LinearNames, NeuronGroup } from '../src/prunable.js';

/** Parameters by name. */
export type Tensors = ReadonlyMap<string, Tensor<'float32'>>;

/** Elements of a tensor: those with these indices on an axis. */
export interface Place {
  readonly name: string;
  readonly axis: number;
  readonly at: readonly number[];
}

/** `count` numbers from `from`. */
export const range = (from: number, count: number): number[] => Array.from({ length: count }, (_, i) => from + i);

/** Where the outputs of a linear layer lie, in its weight and in its bias if it has one. */
function outputsOf(tensors: Tensors, { weight, bias, transposed, part }: LinearNames, at: readonly number[]): Place[] {
  const place = (name: string, axis: number): Place[] => {
    const dims = tensors.get(name)?.dims;
    if (!dims) return [];
    const from = part ? (part.index * (dims[axis] as number)) / part.of : 0;
    return [{ name, axis, at: at.map((i) => from + i) }];
  };
  return [...place(weight, transposed ? 1 : 0), ...place(bias, 0)];
}

/** Where the inputs of a linear layer lie in its weight. */
const inputsOf = ({ weight, transposed }: LinearNames, at: readonly number[]): Place[] => [
  { name: weight, axis: transposed ? 0 : 1, at },
];

/** What makes a hidden unit, and what reads it. */
export const unitPlaces = (tensors: Tensors, group: NeuronGroup, unit: number) => ({
  made: group.out.flatMap((names) => outputsOf(tensors, names, [unit])),
  read: group.in.flatMap((names) => inputsOf(names, [unit])),
});

/** What makes a head's values, its queries and its keys, and what reads it. */
export function headPlaces(tensors: Tensors, group: HeadGroup, head: number) {
  const { size, queries = 1 } = group;
  const own = range(head * size, size);
  const shared = range(head * size * queries, size * queries);
  return {
    values: outputsOf(tensors, group.value, own),
    scores: [...outputsOf(tensors, group.query, shared), ...outputsOf(tensors, group.key, own)],
    read: inputsOf(group.output, shared),
  };
}

/** A copy in which these places have a value. */
export function edited(tensors: Tensors, places: readonly Place[], value: number): Map<string, Tensor<'float32'>> {
  const copy = new Map(tensors);
  for (const { name, axis, at } of places) {
    const t = copy.get(name) as Tensor<'float32'>;
    const data = t.data.map((x, i) => (at.includes(indexOn(t.dims, axis, i)) ? value : x));
    copy.set(name, float32(data, t.dims));
  }
  return copy;
}

/** A copy without these places. */
export function cut(tensors: Tensors, places: readonly Place[]): Map<string, Tensor<'float32'>> {
  const copy = new Map(tensors);
  const merged = new Map<string, Map<number, Set<number>>>();
  for (const { name, axis, at } of places) {
    const axes = merged.get(name) ?? new Map<number, Set<number>>();
    axes.set(axis, new Set([...(axes.get(axis) ?? []), ...at]));
    merged.set(name, axes);
  }
  for (const [name, axes] of merged)
    for (const [axis, gone] of axes) {
      const { dims, data } = copy.get(name) as Tensor<'float32'>;
      const kept = data.filter((_, i) => !gone.has(indexOn(dims, axis, i)));
      copy.set(
        name,
        float32(
          kept,
          dims.map((d, i) => (i === axis ? d - gone.size : d)),
        ),
      );
    }
  return copy;
}

function indexOn(dims: readonly number[], axis: number, flat: number): number {
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  return Math.floor(flat / inner) % (dims[axis] as number);
}
