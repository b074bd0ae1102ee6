import type { Model, Node, Value } from '@neuroprune/onnx';
import type { Linear } from './linear.js';
import { isOp, readersOf } from './rewrite.js';
import { fedValues, floats } from './walk.js';

/** A vector that scales or shifts every row, as norms written out do. */
const isRowWise = (node: Node, value: Value): boolean =>
  isOp(node, 'Mul', 'Add') && value.shape?.length === 1 && node.outputs[0]?.shape?.at(-1) === value.shape[0];

const isTrainedBy = (node: Node, value: Value): boolean =>
  (isOp(node, 'Gather') && node.inputs[0] === value && value.shape?.length === 2) ||
  (isOp(node, 'LayerNormalization', 'RMSNormalization') && node.inputs.indexOf(value) > 0) ||
  (isOp(node, 'Transpose') && (value.shape?.length ?? 0) > 1) ||
  (isOp(node, 'MatMul', 'Gemm') && (value.shape?.length ?? 0) <= 2) ||
  isRowWise(node, value);

/** Tables of which all rows go through a layer, as those of relative positions do. */
function tablesOf({ graph }: Model, linears: readonly Linear[]): ReadonlySet<Value> {
  const fed = fedValues(graph);
  const seen = new Set<Value>();
  const pending = linears.map(({ x }) => x).filter((x) => !fed.has(x));
  for (let next = pending.pop(); next; next = pending.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    pending.push(...floats(next.producer));
  }
  return new Set([...seen].filter(({ producer, shape }) => !producer && (shape?.length ?? 0) > 1));
}

/** The initializers that are weights: of layers, tables, norms. Masks, frequencies and other numbers are none. */
export function parametersOf(model: Model, linears: readonly Linear[]): Value[] {
  const { graph } = model;
  const readers = readersOf(graph);
  const own = new Set([...linears.flatMap(({ weight, bias }) => [weight, bias]), ...tablesOf(model, linears)]);
  return graph.initializers.filter(
    (value) =>
      value.tensor?.dtype === 'float32' &&
      value.tensor.dims.length > 0 &&
      value.tensor.data.length > 1 &&
      (own.has(value) || (readers.get(value) ?? []).some((node) => isTrainedBy(node, value))),
  );
}
