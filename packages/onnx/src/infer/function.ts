import { cloneGraph } from '../clone.js';
import { type Attribute, type Graph, type ModelFunction, Node } from '../model.js';
import { tensorOf } from './constant.js';

/** What a call gives, and what the function gives where the call does not. */
type Given = ReadonlyMap<string, Attribute>;

function resolvedAttributes(node: Node, given: Given): Readonly<Record<string, Attribute>> {
  const entries = Object.entries(node.attributes).flatMap(([name, a]) => {
    const value = a.type === 'reference' ? given.get(a.value) : a;
    return value ? [[name, value] as const] : [];
  });
  return Object.fromEntries(entries);
}

/** Puts the call's attributes where nodes refer to them, in place, graphs inside included. */
function resolve(graph: Graph, given: Given): void {
  graph.nodes = graph.nodes.map((node) => {
    for (const a of Object.values(node.attributes)) if (a.type === 'graph') resolve(a.value, given);
    const { opType, inputs, outputs, domain, name, overload } = node;
    const copy = new Node(opType, inputs, outputs, resolvedAttributes(node, given), domain, name);
    copy.overload = overload;
    return copy;
  });
}

/** Puts the attributes of one call, or what stands for those it leaves out, into a copy of the function's graph. */
export function resolveAttributes(graph: Graph, { defaults }: ModelFunction, call: Node): void {
  resolve(graph, new Map([...Object.entries(defaults), ...Object.entries(call.attributes)]));
}

/** A copy of a function's graph with the operands and attributes of one call. */
export function instantiate(called: ModelFunction, call: Node): Graph {
  const graph = cloneGraph(called.graph);
  graph.inputs.forEach((input, i) => {
    const operand = call.inputs[i];
    if (!operand) return;
    const { dtype, shape, type, elements } = operand;
    Object.assign(input, { dtype, shape, type, elements, tensor: tensorOf(operand) });
  });
  resolveAttributes(graph, called, call);
  return graph;
}
