import { allGraphs, type Graph, type Model, type Node, subgraphs, type Value } from '../model.js';
import { optionalOutputs } from '../outputs.js';
import type { Pass } from './pass.js';

/** Values some output of the model depends on. The outputs of a subgraph are needed when its node is. */
function liveValues(root: Graph): Set<Value> {
  const live = new Set<Value>();
  const visited = new Set<Node>();
  const pending: (Value | undefined)[] = [...root.outputs];
  while (pending.length > 0) {
    const value = pending.pop();
    if (!value || live.has(value)) continue;
    live.add(value);
    const node = value.producer;
    if (!node || visited.has(node)) continue;
    visited.add(node);
    pending.push(...node.inputs, ...subgraphs(node).flatMap((g) => g.outputs));
  }
  return live;
}

function trimOutputs(node: Node, live: ReadonlySet<Value>): boolean {
  const before = node.outputs.length;
  const least = optionalOutputs(node);
  while (node.outputs.length > least && !live.has(node.outputs.at(-1) as Value)) node.outputs.pop();
  return node.outputs.length < before;
}

function sweep(graph: Graph, live: ReadonlySet<Value>): boolean {
  const before = graph.nodes.length + graph.initializers.length;
  graph.nodes = graph.nodes.filter((n) => n.outputs.some((v) => live.has(v)));
  graph.initializers = graph.initializers.filter((v) => live.has(v) || graph.inputs.includes(v));
  const trimmed = graph.nodes.filter((n) => trimOutputs(n, live));
  return trimmed.length > 0 || graph.nodes.length + graph.initializers.length < before;
}

/** Takes out nodes and initializers that no output needs, and optional results at the end of a node that nobody reads. */
export const eliminateDeadCode: Pass = (model: Model) => {
  const live = liveValues(model.graph);
  // Swept one by one, outer graphs first: the graphs of a dead node are gone before they are looked at.
  let modified = sweep(model.graph, live);
  for (const graph of allGraphs(model.graph).slice(1)) modified = sweep(graph, live) || modified;
  return { model, modified };
};
