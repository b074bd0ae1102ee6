import type { LinearNames, PrunableGroups } from '@neuroprune/models';
import type { Tensor } from '@neuroprune/onnx';
import type { PrunableLayer } from '../layer.js';
import { pickColumns, pickRows } from './pick.js';
import { headRows, type Survivors } from './survivors.js';

/** Replaces the tensors of one layer by what stays of them. */
export function cutLayer(
  weights: Map<string, Tensor<'float32'>>,
  { heads: h, neurons: n }: PrunableGroups,
  layer: PrunableLayer,
  stay: Survivors,
): void {
  const change = (name: string, edit: (t: Tensor<'float32'>) => Tensor<'float32'>) => {
    const t = weights.get(name);
    if (t) weights.set(name, edit(t));
  };
  const rows = (names: LinearNames, at: readonly number[]) => {
    for (const name of [names.weight, names.bias]) change(name, (t) => pickRows(t, at));
  };
  const columns = ({ weight }: LinearNames, at: readonly number[]) => change(weight, (t) => pickColumns(t, at));
  for (const part of ['query', 'key', 'value'] as const) {
    rows(h[part], headRows(layer[part], layer.heads, stay.heads));
    if (stay.inputs.attention) columns(h[part], stay.inputs.attention);
  }
  columns(h.output, headRows({ rows: layer.output.cols }, layer.heads, stay.heads));
  for (const names of n.out) {
    rows(names, stay.units);
    if (stay.inputs.mlp) columns(names, stay.inputs.mlp);
  }
  for (const names of n.in) columns(names, stay.units);
}
