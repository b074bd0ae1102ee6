import { allGraphs, type Graph, type Model, type Node, rootGraphs, subgraphs, type Value } from '../model.js';
import { optionalOutputs } from '../outputs.js';
import type { Pass } from './pass.js';

/** What the annotations of a graph and those inside it say of each value: scales and zero points. */
function annotations(root: Graph): ReadonlyMap<Value | string, readonly (Value | string)[]> {
  const all = allGraphs(root).flatMap((g) => g.quantization ?? []);
  return new Map(all.map(({ value, parameters }) => [value, Object.values(parameters)]));
}

/** Values some output of a graph depends on. The outputs of a subgraph are needed when its node is. */
function liveValues(root: Graph): Set<Value> {
  const live = new Set<Value>();
  const visited = new Set<Node>();
  const annotated = annotations(root);
  const pending: (Value | string | undefined)[] = [...root.outputs];
  const need = (values: readonly (Value | string | undefined)[]) => {
    for (const value of values) pending.push(value);
  };
  while (pending.length > 0) {
    const value = pending.pop();
    if (!value || typeof value === 'string' || live.has(value)) continue;
    live.add(value);
    need(annotated.get(value) ?? []);
    const node = value.producer;
    if (!node || visited.has(node)) continue;
    visited.add(node);
    need(node.inputs);
    for (const graph of subgraphs(node)) need(graph.outputs);
  }
  return live;
}

function trimOutputs(node: Node, live: ReadonlySet<Value>): boolean {
  const before = node.outputs.length;
  const least = optionalOutputs(node);
  while (node.outputs.length > least && !live.has(node.outputs.at(-1) as Value)) node.outputs.pop();
  return node.outputs.length < before;
}

const partsOf = ({ nodes, initializers, sparse, quantization }: Graph): number =>
  nodes.length + initializers.length + (sparse?.length ?? 0) + (quantization?.length ?? 0);

function sweep(graph: Graph, live: ReadonlySet<Value>): boolean {
  const before = partsOf(graph);
  const inputs = new Set(graph.inputs);
  const isKept = (v: Value) => live.has(v) || inputs.has(v);
  graph.nodes = graph.nodes.filter((n) => n.outputs.some((v) => live.has(v)));
  graph.initializers = graph.initializers.filter(isKept);
  if (graph.sparse) graph.sparse = graph.sparse.filter(isKept);
  const { quantization } = graph;
  if (quantization) graph.quantization = quantization.filter((q) => typeof q.value === 'string' || isKept(q.value));
  const trimmed = graph.nodes.filter((n) => trimOutputs(n, live));
  return trimmed.length > 0 || partsOf(graph) < before;
}

function sweepAll(root: Graph): boolean {
  const live = liveValues(root);
  // Swept one by one, outer graphs first: the graphs of a dead node are gone before they are looked at.
  let modified = sweep(root, live);
  for (const graph of allGraphs(root).slice(1)) modified = sweep(graph, live) || modified;
  return modified;
}

/**
 * Takes out nodes and initializers that no output needs, and optional results at the end of a node that nobody reads, in
 * functions too. The functions themselves all stay.
 */
export const eliminateDeadCode: Pass = (model: Model) => {
  const changed = rootGraphs(model).filter(sweepAll);
  return { model, modified: changed.length > 0 };
};
