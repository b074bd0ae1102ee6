import { GraphBuilder } from '../builder.js';
import { bodyOf } from '../infer/control.js';
import { inferModel } from '../infer/infer.js';
import { integersOf } from '../infer/rule.js';
import { allGraphs, type Graph, Node, subgraphs } from '../model.js';
import { hasDefaults, type Pass } from './pass.js';

/** The branches that are taken whatever goes in, by their nodes. */
type Taken = ReadonlyMap<Node, Graph>;

/** The branch that an `If` always takes; undefined where that hangs on what goes in. */
function branchOf(node: Node): Graph | undefined {
  if (node.opType !== 'If' || node.domain !== '') return undefined;
  const [condition, ...more] = integersOf(node.inputs[0]) ?? [];
  if (condition === undefined || more.length > 0) return undefined;
  const branch = bodyOf(node, condition === 0 ? 'else_branch' : 'then_branch');
  return branch?.outputs.length === node.outputs.length ? branch : undefined;
}

function takenIn(root: Graph): Taken {
  const taken = new Map<Node, Graph>();
  for (const node of allGraphs(root).flatMap(({ nodes }) => nodes)) {
    const branch = branchOf(node);
    if (branch) taken.set(node, branch);
  }
  return taken;
}

/** Everything that a graph defines itself. */
const definedBy = (graph: Graph) => [
  ...graph.initializers,
  ...(graph.sparse ?? []),
  ...graph.nodes,
  ...graph.nodes.flatMap((node) => node.outputs),
];

/** Graphs side by side may use a name each for itself; in the one graph around them it stands for one thing. */
function renameDoubles(root: Graph, taken: Taken): void {
  const count = new Map<string, number>();
  for (const { name } of allGraphs(root).flatMap((g) => [...g.inputs, ...definedBy(g)]))
    count.set(name, (count.get(name) ?? 0) + 1);
  const builder = new GraphBuilder(root);
  for (const thing of [...taken.values()].flatMap(definedBy)) {
    if (thing.name === '' || count.get(thing.name) === 1) continue;
    thing.name = thing instanceof Node ? '' : builder.fresh(thing.name);
  }
}

/** Puts the nodes of branches in place of the nodes that take them, here and in graphs inside, and what else they hold beside the graph's own. */
function inline(graph: Graph, taken: Taken): void {
  const nodesFor = (node: Node): Node[] => {
    const branch = taken.get(node);
    if (!branch) return [node];
    graph.initializers.push(...branch.initializers);
    if (branch.sparse) graph.sparse = [...(graph.sparse ?? []), ...branch.sparse];
    if (branch.quantization) graph.quantization = [...(graph.quantization ?? []), ...branch.quantization];
    const given = node.outputs.map((y, i) => [y, branch.outputs[i]] as const).filter(([y]) => y.name !== '');
    return [...branch.nodes.flatMap(nodesFor), ...given.map(([y, x]) => new Node('Identity', [x], [y]))];
  };
  graph.nodes = graph.nodes.flatMap(nodesFor);
  for (const node of graph.nodes) for (const inner of subgraphs(node)) inline(inner, taken);
}

/**
 * Replaces every `If` that always takes the same branch by that branch, inside others too: where the condition is constant,
 * or follows from the shapes (ranks, numbers, sizes of one name). Its results are handed on by `Identity`. Functions stay as
 * they are, and so does a model with defaults for its inputs: they may be given other values at run time.
 */
export const takeBranches: Pass = (model) => {
  const { graph } = model;
  if (hasDefaults(graph)) return { model, modified: false };
  inferModel(model);
  const taken = takenIn(graph);
  if (taken.size === 0) return { model, modified: false };
  renameDoubles(graph, taken);
  inline(graph, taken);
  inferModel(model);
  return { model, modified: true };
};
