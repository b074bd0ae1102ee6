import type { NeuronGroup } from '@neuroprune/models';
import {
  cloneModel,
  eliminateDeadCode,
  type Graph,
  GraphBuilder,
  type Model,
  type Node,
  type Value,
  zeros,
} from '@neuroprune/onnx';
import { createInference } from '@neuroprune/runtime';
import { PruneError } from '../errors.js';

/** The hidden units of a layer. */
export interface UnitBlock {
  readonly layer: string;
  readonly neurons: NeuronGroup;
}

/**
 * What each hidden unit gives where its layer reads zeros, [units] a group: a unit whose L_in rows are zero gives this
 * on every input. The model's own graph says it, whatever stands between L_in and L_out.
 */
export async function restingUnits(model: Model, groups: readonly UnitBlock[]): Promise<Float32Array[]> {
  if (groups.length === 0) return [];
  const names = groups.map(({ layer }) => `${layer}.resting`);
  await using session = await createInference(restingGraph(model, groups, names), { threads: 1 });
  const results = await session.run(new Map(), names);
  return names.map((name) => results.get(name)?.data as Float32Array);
}

/** The part of each layer from L_in to what L_out reads, on one row of zeros. */
function restingGraph(model: Model, groups: readonly UnitBlock[], names: readonly string[]): Model {
  const copy = cloneModel(model);
  const builder = new GraphBuilder(copy.graph);
  const units = groups.map(({ neurons: n }) => {
    for (const { weight, transposed } of n.out) feedZeros(builder, weight, transposed ? 0 : 1);
    return readerOf(copy.graph, n.in[0]!.weight).node.inputs[0]!;
  });
  copy.graph.outputs = [];
  for (const [i, value] of units.entries()) builder.output(value, names[i]!);
  eliminateDeadCode(copy);
  copy.graph.inputs = [];
  return copy;
}

/** `axis`: that of the weight's inputs. */
function feedZeros(builder: GraphBuilder, name: string, axis: 0 | 1): void {
  const { node, weight } = readerOf(builder.graph, name);
  node.inputs[0] = builder.constant(zeros([1, weight.tensor!.dims[axis]!]));
}

/** The node that multiplies rows with a weight. */
function readerOf({ nodes }: Graph, name: string): { node: Node; weight: Value } {
  const node = nodes.find(({ inputs }) => inputs[1]?.name === name);
  const weight = node?.inputs[1];
  if (!weight?.tensor) throw new PruneError(`internal: ${name}: expected as the second operand of a product, got none`);
  return { node: node!, weight };
}
