import type { Graph, Node, Value } from '../model.js';
import { replaceOperands } from './pass.js';

/**
 * True after `input` has taken over the graph output `output`, with its name. Only a result of the same graph that is no
 * output yet can do so: inputs and initializers keep their own names.
 */
function takeOver(graph: Graph, input: Value, output: Value): boolean {
  const free = input.producer && graph.nodes.includes(input.producer) && !graph.outputs.includes(input);
  if (!free) return false;
  input.name = output.name;
  graph.outputs = graph.outputs.map((v) => (v === output ? input : v));
  return true;
}

/** Takes nodes that hand on their first operand out of the graph; true when one went. */
export function bypass(graph: Graph, root: Graph, isBypassed: (node: Node) => boolean): boolean {
  const replacements = new Map<Value, Value>();
  const gone = new Set<Node>();
  for (const node of graph.nodes) {
    const [input] = node.inputs;
    const [output] = node.outputs;
    if (!input || !output || !isBypassed(node)) continue;
    let source = input;
    for (let next = replacements.get(source); next; next = replacements.get(source)) source = next;
    if (graph.outputs.includes(output) && !takeOver(graph, source, output)) continue;
    replacements.set(output, source);
    gone.add(node);
  }
  if (gone.size === 0) return false;
  replaceOperands(root, replacements);
  graph.nodes = graph.nodes.filter((n) => !gone.has(n));
  return true;
}
