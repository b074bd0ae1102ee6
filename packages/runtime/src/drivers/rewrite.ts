import type { Graph, Node, Value } from '@neuroprune/onnx';

/** The nodes of a graph that read each of its values. */
export function readersOf({ nodes }: Graph): ReadonlyMap<Value, readonly Node[]> {
  const readers = new Map<Value, Node[]>();
  for (const node of nodes)
    for (const value of new Set(node.inputs)) if (value) readers.set(value, [...(readers.get(value) ?? []), node]);
  return readers;
}

/** Puts another node, or none, in the place of nodes of a graph. */
export function replaceNodes(graph: Graph, replaced: ReadonlyMap<Node, Node | undefined>): void {
  graph.nodes = graph.nodes.flatMap((node) => (replaced.has(node) ? (replaced.get(node) ?? []) : node));
}
