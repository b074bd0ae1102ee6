import { codeOf, type Node, type Tensor, type Value } from '@neuroprune/onnx';
import type { TokenInputs } from '../architecture.js';
import { ModelsError } from '../errors.js';
import type { Params } from '../params.js';
import type { LayerStructure, Structure } from '../structure.js';
import type { ImportedGraph } from './import-graph.js';
import type { InputRole } from './inputs.js';
import type { Linear } from './linear.js';

/** Shares that training drops, where the pattern is sure: of probabilities, and of what either half of a layer gives. */
export interface ImportedDropout {
  readonly attention: number;
  readonly output: number;
}

/** How the graph differs from the one that came in. */
interface Changes {
  /** Sizes of parameters that are cut. */
  readonly sizes: ReadonlyMap<Value, readonly number[]>;
  /** Input dimensions that a product still reads. */
  readonly picks: ReadonlyMap<Node, readonly number[]>;
  /** Layers of which the bias alone is left, with a value whose rows they have. */
  readonly gone: ReadonlyMap<Value, { readonly linear: Linear; readonly like: Value }>;
  /** Values that training drops a share of. */
  readonly dropped: ReadonlyMap<Value, number>;
}

const rows = ({ weight, bias }: Linear, out: number, inputs?: number): [Value, number[]][] => [
  [weight, [out, inputs ?? weight.tensor!.dims[1]!]],
  ...(bias ? [[bias, [out]] as [Value, number[]]] : []),
];

const columns = ({ weight }: Linear, inputs: number): [Value, number[]] => [weight, [weight.tensor!.dims[0]!, inputs]];

function changesOf({ layers }: ImportedGraph, structure: Structure, dropout: ImportedDropout): Changes {
  const changes = {
    sizes: new Map<Value, readonly number[]>(),
    picks: new Map<Node, readonly number[]>(),
    gone: new Map<Value, { linear: Linear; like: Value }>(),
    dropped: new Map<Value, number>(),
  };
  layers.forEach(({ sites }, i) => {
    const { heads, hiddenUnits, inputDims } = structure[i] as LayerStructure;
    for (const { attention: a, mlp } of sites) {
      const projections = [a.query, a.key, a.value];
      const width = heads * a.queries * a.size;
      const read = [
        ...[...projections, ...a.positions].map((l) => [l, inputDims?.attention] as const),
        ...mlp.up.map((l) => [l, inputDims?.mlp] as const),
      ];
      for (const [{ gemm }, dims] of read) if (dims) changes.picks.set(gemm, dims);
      const made = [
        ...rows(a.query, width, inputDims?.attention?.length),
        ...[a.key, a.value].flatMap((l) => rows(l, heads * a.size, inputDims?.attention?.length)),
        ...mlp.up.flatMap((l) => rows(l, hiddenUnits, inputDims?.mlp?.length)),
        ...[columns(a.output, width), columns(mlp.down, hiddenUnits)],
      ];
      for (const [value, dims] of made) changes.sizes.set(value, dims);
      if (heads === 0) changes.gone.set(a.output.y, { linear: a.output, like: a.query.x });
      if (hiddenUnits === 0) changes.gone.set(mlp.down.y, { linear: mlp.down, like: mlp.up[0]!.x });
      changes.dropped.set(a.weights, dropout.attention);
      changes.dropped.set(a.output.y, dropout.output);
      changes.dropped.set(mlp.down.y, dropout.output);
    }
  });
  return changes;
}

/** The nodes that the logits need, once some layers are their bias alone. */
function needed({ model: { graph } }: ImportedGraph, gone: Changes['gone']): ReadonlySet<Node | Value> {
  const seen = new Set<Node | Value>();
  const pending: (Value | undefined)[] = [...graph.outputs];
  while (pending.length > 0) {
    const value = pending.pop();
    if (!value || seen.has(value)) continue;
    seen.add(value);
    const left = gone.get(value);
    if (left) pending.push(left.like, left.linear.bias);
    const node = left ? undefined : value.producer;
    if (!node) continue;
    seen.add(node);
    pending.push(...node.inputs);
  }
  return seen;
}

/** Writes the graph anew with the parameters and sizes that are asked for. */
export function emit(
  graph: ImportedGraph,
  p: Params,
  inputs: TokenInputs,
  structure: Structure,
  dropout: ImportedDropout,
): Value {
  const { op, builder } = p;
  const changes = changesOf(graph, structure, dropout);
  const isNeeded = needed(graph, changes.gone);
  const parameters = new Set(graph.parameters);
  const values = inputValues(graph, p, inputs);
  const held = (value: Value): Value => {
    const content = value.tensor as Tensor;
    const made = parameters.has(value)
      ? p.param(value.name, changes.sizes.get(value) ?? content.dims)
      : builder.constant(content);
    values.set(value, made);
    return made;
  };
  const known = (value: Value | undefined): Value | undefined => value && (values.get(value) ?? held(value));

  const biasAlone = ({ linear: { bias, weight }, like }: { linear: Linear; like: Value }): Value => {
    const width = weight.tensor!.dims[0]!;
    const shape = op.Concat([op.Shape(known(like)!, { end: -1 }), builder.ints(width)], { axis: 0 });
    return op.Expand(known(bias) ?? builder.scalar(0), shape);
  };
  const write = (node: Node): readonly Value[] => {
    const picked = changes.picks.get(node);
    const operands = node.inputs.map(known);
    if (picked) operands[0] = op.Gather(operands[0]!, builder.ints(...picked), { axis: 1 });
    return builder.node(node.opType, operands, node.attributes, node.outputs.length, node.domain);
  };
  const settle = (old: Value, value: Value): void => {
    const share = changes.dropped.get(old);
    // In a graph of one size the batch's axes are no longer known by name: nothing is dropped there.
    const isSized = value.shape?.every((d) => d !== null);
    values.set(old, share === undefined || !isSized ? value : op.Dropout(value, share));
  };
  for (const node of graph.model.graph.nodes) {
    const left = node.outputs.map((y) => changes.gone.get(y)).find((found) => found !== undefined);
    if (left && isNeeded.has(left.linear.y)) values.set(left.linear.y, biasAlone(left));
    else if (isNeeded.has(node)) {
      const results = write(node);
      node.outputs.forEach((old, i) => {
        if (old.name !== '') settle(old, results[i]!);
      });
    }
  }
  return known(graph.model.graph.outputs[0])!;
}

/** The graph's inputs in terms of a batch: in the types it takes, positions counted. */
function inputValues({ roles }: ImportedGraph, { op, builder }: Params, given: TokenInputs): Map<Value, Value> {
  const places = (): Value => {
    const length = op.Squeeze(op.Shape(given.inputIds, { start: 1, end: 2 }));
    const count = op.Range(builder.scalar(0, 'int64'), length, builder.scalar(1, 'int64'));
    return op.Expand(count, op.Shape(given.inputIds));
  };
  const values: Readonly<Record<InputRole, () => Value | undefined>> = {
    input_ids: () => given.inputIds,
    attention_mask: () => given.attentionMask,
    token_type_ids: () => given.tokenTypeIds,
    position_ids: places,
  };
  return new Map(
    [...roles].map(([role, input]) => {
      const value = values[role]();
      if (!value) throw new ModelsError(`internal: no value for the input ${role}`, 'job');
      return [input, input.dtype === 'int32' ? op.Cast(value, { to: codeOf('int32') }) : value];
    }),
  );
}
