import { type Attribute, type Graph, type Model, Node, Value } from './model.js';

/** Copies a value under the same name; the tensor is shared, since tensors are never changed. */
function cloneValue(value: Value, map: Map<Value, Value>): Value {
  const copy = new Value(value.name, value.dtype, value.shape);
  copy.tensor = value.tensor;
  copy.elements = value.elements;
  map.set(value, copy);
  return copy;
}

const cloneAttribute = (a: Attribute, map: Map<Value, Value>): Attribute =>
  a.type === 'graph' ? { type: 'graph', value: cloneGraph(a.value, map) } : a;

function cloneNode(node: Node, map: Map<Value, Value>): Node {
  const attributes = Object.entries(node.attributes).map(([name, a]) => [name, cloneAttribute(a, map)] as const);
  return new Node(
    node.opType,
    node.inputs.map((v) => v && (map.get(v) ?? v)),
    node.outputs.map((v) => map.get(v) as Value),
    Object.fromEntries(attributes),
    node.domain,
    node.name,
  );
}

/**
 * A copy of a graph, its subgraphs included. `map` leads from old values to new ones: what is in it beforehand stands for
 * values of outer graphs (others are shared), and afterwards it holds all values of the graph.
 */
export function cloneGraph(graph: Graph, map: Map<Value, Value> = new Map()): Graph {
  const inputs = graph.inputs.map((v) => cloneValue(v, map));
  const initializers = graph.initializers.map((v) =>
    graph.inputs.includes(v) ? (map.get(v) as Value) : cloneValue(v, map),
  );
  for (const node of graph.nodes) for (const output of node.outputs) cloneValue(output, map);
  const nodes = graph.nodes.map((node) => cloneNode(node, map));
  return { name: graph.name, inputs, outputs: graph.outputs.map((v) => map.get(v) ?? v), initializers, nodes };
}

/** A copy of a model that shares only tensors with it. */
export const cloneModel = (model: Model, map: Map<Value, Value> = new Map()): Model => ({
  ...model,
  graph: cloneGraph(model.graph, map),
  opsets: { ...model.opsets },
  metadata: { ...model.metadata },
});
