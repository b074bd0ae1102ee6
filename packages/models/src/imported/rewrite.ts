import { type Graph, GraphBuilder, type Node, type Value } from '@neuroprune/onnx';

/** What takes the place of values, by the value that goes. */
export type Replacements = ReadonlyMap<Value, Value>;

/**
 * Goes over a graph's nodes in order. `each` hands back what stands for values from there on, after it has written the
 * nodes for it with the builder; undefined keeps the node. True when one was replaced.
 */
export function rewrite(graph: Graph, each: (node: Node, builder: GraphBuilder) => Replacements | undefined): boolean {
  const replaced = new Map<Value, Value>();
  const final = (value: Value): Value => {
    let last = value;
    for (let next = replaced.get(last); next && next !== last; next = replaced.get(last)) last = next;
    return last;
  };
  const builder = new GraphBuilder(graph);
  const { nodes } = graph;
  graph.nodes = [];
  for (const node of nodes) {
    node.inputs.forEach((v, i) => {
      node.inputs[i] = v && final(v);
    });
    const results = each(node, builder);
    if (!results) graph.nodes.push(node);
    for (const [old, value] of results ?? []) replaced.set(old, value);
  }
  // What was replaced after it was read: a sum whose bias went into the product before it.
  for (const node of graph.nodes)
    node.inputs.forEach((v, i) => {
      node.inputs[i] = v && final(v);
    });
  graph.outputs = graph.outputs.map(final);
  return replaced.size > 0;
}

/** The nodes that read each value; a graph's output is read by nobody here. */
export function readersOf({ nodes }: Graph): ReadonlyMap<Value, readonly Node[]> {
  const readers = new Map<Value, Node[]>();
  for (const node of nodes)
    for (const input of new Set(node.inputs)) {
      if (!input) continue;
      const known = readers.get(input);
      if (known) known.push(node);
      else readers.set(input, [node]);
    }
  return readers;
}

/** An integer attribute, or what it is by default. */
export function intAttribute({ attributes }: Node, name: string, fallback: number): number {
  const found = attributes[name];
  return found?.type === 'int' ? found.value : fallback;
}

/** True for an operator of ONNX itself by one of these names. */
export const isOp = (node: Node | undefined, ...types: readonly string[]): node is Node =>
  node !== undefined && node.domain === '' && types.includes(node.opType);
