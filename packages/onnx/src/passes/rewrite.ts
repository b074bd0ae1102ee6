import { GraphBuilder } from '../builder.js';
import { inferOutputs } from '../infer/infer.js';
import { type Attribute, type Graph, type Node, subgraphs, type Value } from '../model.js';
import { replaceOperands } from './pass.js';

/**
 * Writes what stands for a node with a builder that appends in its place, and hands back one value an output (undefined
 * for one that nobody reads); undefined in all leaves the node as it is.
 */
export type Rewrite = (node: Node, builder: GraphBuilder) => readonly (Value | undefined)[] | undefined;

/**
 * Replaces nodes in a graph and the graphs inside it, inner ones first, types worked out along the way, so that a rewrite sees the
 * types of its node's operands. Names of results stay. True when a node was replaced.
 */
export function rewriteNodes(root: Graph, rewrite: Rewrite): boolean {
  const replaced = new Map<Value, Value>();
  rewriteGraph(root, new GraphBuilder(root), rewrite, replaced);
  if (replaced.size > 0) replaceOperands(root, replaced);
  return replaced.size > 0;
}

function rewriteGraph(graph: Graph, builder: GraphBuilder, rewrite: Rewrite, replaced: Map<Value, Value>): void {
  const nodes = graph.nodes;
  graph.nodes = [];
  for (const node of nodes) {
    node.inputs.forEach((v, i) => {
      node.inputs[i] = v && (replaced.get(v) ?? v);
    });
    for (const inner of subgraphs(node)) rewriteGraph(inner, new GraphBuilder(inner, builder), rewrite, replaced);
    const from = graph.nodes.length;
    const results = rewrite(node, builder);
    if (results) takeOver(builder, node, results, graph.nodes.slice(from), replaced);
    else {
      inferOutputs(node);
      graph.nodes.push(node);
    }
  }
}

/** Gives the results the names of the node's outputs: the results themselves, or their `Identity` where made elsewhere. */
function takeOver(
  builder: GraphBuilder,
  node: Node,
  results: readonly (Value | undefined)[],
  made: readonly Node[],
  replaced: Map<Value, Value>,
): void {
  const taken = new Set<Value>();
  node.outputs.forEach((old, i) => {
    const result = results[i];
    if (!result || old.name === '') return;
    const isOwn = result.producer && made.includes(result.producer) && !taken.has(result);
    const value = isOwn ? result : builder.op.Identity(result);
    taken.add(value);
    value.name = old.name;
    value.dtype ??= old.dtype;
    value.shape ??= old.shape;
    replaced.set(old, value);
  });
  const [only, ...more] = made;
  if (only && more.length === 0) only.name = node.name;
}

/** Appends a node like the given one, with as many outputs, of other inputs and attributes. */
export function remade(
  builder: GraphBuilder,
  node: Node,
  inputs: readonly (Value | undefined)[],
  attributes: Readonly<Record<string, Attribute>> = node.attributes,
  opType: string = node.opType,
): Value[] {
  const operands = [...inputs];
  while (operands.length > 0 && operands.at(-1) === undefined) operands.pop();
  const outputs = builder.node(opType, operands, attributes, node.outputs.length, node.domain);
  outputs.length = node.outputs.length;
  node.outputs.forEach((old, i) => {
    if (old.name === '' && outputs[i]) outputs[i].name = '';
  });
  return outputs;
}
