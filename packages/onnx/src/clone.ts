import { type Attribute, type Graph, type Model, type ModelFunction, Node, type Quantization, Value } from './model.js';

/** Copies a value under the same name; the tensor is shared, since tensors are never changed. */
function cloneValue(value: Value, map: Map<Value, Value>): Value {
  const copy = new Value(value.name, value.dtype, value.shape);
  copy.tensor = value.tensor;
  copy.sparse = value.sparse;
  copy.elements = value.elements;
  copy.type = value.type;
  copy.notes = value.notes;
  map.set(value, copy);
  return copy;
}

function cloneAttribute(a: Attribute, map: Map<Value, Value>): Attribute {
  if (a.type === 'graph') return { ...a, value: cloneGraph(a.value, map) };
  return a.type === 'graphs' ? { ...a, value: a.value.map((g) => cloneGraph(g, map)) } : a;
}

function cloneNode(node: Node, map: Map<Value, Value>): Node {
  const attributes = Object.entries(node.attributes).map(([name, a]) => [name, cloneAttribute(a, map)] as const);
  const copy = new Node(
    node.opType,
    node.inputs.map((v) => v && (map.get(v) ?? v)),
    node.outputs.map((v) => map.get(v) as Value),
    Object.fromEntries(attributes),
    node.domain,
    node.name,
  );
  copy.overload = node.overload;
  copy.notes = node.notes;
  return copy;
}

function cloneQuantization({ value, parameters }: Quantization, map: Map<Value, Value>): Quantization {
  const copy = (v: Value | string) => (typeof v === 'string' ? v : (map.get(v) ?? v));
  const entries = Object.entries(parameters).map(([role, v]) => [role, copy(v)] as const);
  return { value: copy(value), parameters: Object.fromEntries(entries) };
}

/**
 * A copy of a graph, its subgraphs included. `map` leads from old values to new ones: what is in it beforehand stands for
 * values of outer graphs (others are shared), and afterwards it holds all values of the graph.
 */
export function cloneGraph(graph: Graph, map: Map<Value, Value> = new Map()): Graph {
  const inputs = graph.inputs.map((v) => cloneValue(v, map));
  const own = new Set(graph.inputs);
  const constant = (v: Value) => (own.has(v) ? (map.get(v) as Value) : cloneValue(v, map));
  const initializers = graph.initializers.map(constant);
  const sparse = graph.sparse?.map(constant);
  for (const node of graph.nodes) for (const output of node.outputs) cloneValue(output, map);
  const nodes = graph.nodes.map((node) => cloneNode(node, map));
  return {
    ...{ name: graph.name, inputs, outputs: graph.outputs.map((v) => map.get(v) ?? v), initializers, nodes },
    ...(sparse && { sparse }),
    ...(graph.quantization && { quantization: graph.quantization.map((q) => cloneQuantization(q, map)) }),
    ...(graph.notes && { notes: graph.notes }),
  };
}

const cloneFunction = (f: ModelFunction, map: Map<Value, Value>): ModelFunction => ({
  ...f,
  graph: cloneGraph(f.graph, map),
  opsets: { ...f.opsets },
});

/** A copy of a model that shares only tensors with it. */
export const cloneModel = (model: Model, map: Map<Value, Value> = new Map()): Model => ({
  ...model,
  graph: cloneGraph(model.graph, map),
  opsets: { ...model.opsets },
  metadata: { ...model.metadata },
  ...(model.functions && { functions: model.functions.map((f) => cloneFunction(f, map)) }),
});
