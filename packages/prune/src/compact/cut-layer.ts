import type { LinearNames } from '@neuroprune/models';
import type { Tensor } from '@neuroprune/onnx';
import type { Block } from '../prunable-layer.js';
import { pickColumns, pickRows } from './pick.js';
import { headBlocks, type Survivors } from './survivors.js';

type Weights = Map<string, Tensor<'float32'>>;

/** A linear layer and the outputs of it that stay. */
type Outputs = readonly [names: LinearNames, outputs: readonly number[], of: number];

/** Replaces the tensors of one block by what stays of them. */
export function cutBlock(weights: Weights, { heads: h, neurons: n }: Block, stay: Survivors): void {
  const { queries = 1, count, size } = h;
  const rows = (part: 'query' | 'key' | 'value'): Outputs => {
    const each = part === 'query' ? queries * size : size;
    return [h[part], headBlocks(each, stay.heads), count * each];
  };
  cutOutputs(weights, [rows('query'), rows('key'), rows('value')]);
  cutOutputs(
    weights,
    (n?.out ?? []).map((names): Outputs => [names, stay.units, n!.count]),
  );
  cutInputs(weights, [h.query, h.key, h.value], stay.inputs.attention);
  cutInputs(weights, n?.out ?? [], stay.inputs.mlp);
  cutInputs(weights, [h.output], headBlocks(queries * size, stay.heads));
  cutInputs(weights, n?.in ?? [], stay.units);
}

/** Cuts outputs of linear layers with their biases; those that lie in one weight are cut at once, for their places depend on each other. */
function cutOutputs(weights: Weights, cuts: readonly Outputs[]): void {
  const places = new Map<string, { readonly names: LinearNames; readonly at: number[] }>();
  for (const [names, outputs, of] of cuts) {
    const found = places.get(names.weight) ?? { names, at: [] };
    const first = (names.part?.index ?? 0) * of;
    found.at.push(...outputs.map((output) => first + output));
    places.set(names.weight, found);
  }
  for (const { names, at } of places.values()) {
    const sorted = at.sort((a, b) => a - b);
    change(weights, names.weight, (t) => (names.transposed ? pickColumns(t, sorted) : pickRows(t, sorted)));
    change(weights, names.bias, (t) => pickRows(t, sorted));
  }
}

/** Cuts inputs of linear layers; all stay where none are named. */
function cutInputs(weights: Weights, linears: readonly LinearNames[], inputs: readonly number[] | undefined): void {
  if (!inputs) return;
  const transposed = new Map(linears.map((names) => [names.weight, names.transposed]));
  for (const [name, rows] of transposed)
    change(weights, name, (t) => (rows ? pickRows(t, inputs) : pickColumns(t, inputs)));
}

function change(weights: Weights, name: string, edit: (t: Tensor<'float32'>) => Tensor<'float32'>): void {
  const t = weights.get(name);
  if (t) weights.set(name, edit(t));
}
