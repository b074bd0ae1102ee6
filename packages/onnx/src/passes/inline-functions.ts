import type { GraphBuilder } from '../builder.js';
import { cloneGraph } from '../clone.js';
import { OnnxError } from '../errors.js';
import { calledBy, checkFunctions, type Functions, functionsOf } from '../functions.js';
import { resolveAttributes } from '../infer/function.js';
import { inferOutputs } from '../infer/infer.js';
import { allGraphs, type Graph, type Model, type ModelFunction, type Node, rootGraphs, type Value } from '../model.js';
import type { Pass } from './pass.js';
import { rewriteNodes } from './rewrite.js';

/** A few lines of functions that call each other twice would become any number of nodes. */
const MAX_NODES = 200_000;

/** Every value that a graph itself defines, those of the graphs inside it included. */
const valuesOf = (graph: Graph): Value[] =>
  allGraphs(graph).flatMap((g) => [
    ...g.inputs,
    ...g.initializers,
    ...(g.sparse ?? []),
    ...g.nodes.flatMap((n) => n.outputs),
  ]);

/** Puts the operands of a call in place of the function's inputs; those that the call leaves out are left out here too. */
function giveOperands(graph: Graph, call: Node): (value: Value) => Value | undefined {
  const given = new Map(graph.inputs.map((input, i) => [input, call.inputs[i]] as const));
  const operand = (v: Value | undefined) => (v && given.has(v) ? given.get(v) : v);
  for (const g of allGraphs(graph)) {
    if (g !== graph) g.outputs = g.outputs.map((v) => operand(v) ?? missing(call, v));
    for (const node of g.nodes) node.inputs.splice(0, node.inputs.length, ...node.inputs.map(operand));
  }
  return operand;
}

function missing(call: Node, { name }: Value): never {
  throw new OnnxError(
    `${call.opType} (node '${call.name || call.outputs[0]?.name}'): expected an operand for '${name}', got none`,
  );
}

/** Appends the nodes of a function with the operands and attributes of a call, under names of their own. */
function inlined(called: ModelFunction, call: Node, builder: GraphBuilder): Value[] {
  const resolved = cloneGraph(called.graph);
  resolveAttributes(resolved, called, call);
  const graph = cloneGraph(resolved); // a graph that the call gives may stand in several places
  const operand = giveOperands(graph, call);
  const inputs = new Set(graph.inputs);
  for (const v of valuesOf(graph)) if (v.name !== '' && !inputs.has(v)) v.name = builder.fresh(v.name);
  // ONNX Runtime wants each node's name once, or none.
  for (const g of allGraphs(graph))
    for (const node of g.nodes) node.name = call.name && node.name && `${call.name}/${node.name}`;
  for (const node of graph.nodes) {
    inferOutputs(node);
    builder.graph.nodes.push(node);
  }
  return graph.outputs.map((v) => operand(v) ?? missing(call, v));
}

/** True when a node means the same in the model as in the function. */
const isAlike = ({ opsets }: ModelFunction, model: Model): boolean =>
  Object.entries(opsets).every(([domain, version]) => (model.opsets[domain] ?? version) === version);

function round(model: Model, functions: Functions): boolean {
  let nodes = allGraphs(model.graph).reduce((n, g) => n + g.nodes.length, 0);
  return rewriteNodes(model.graph, (node, builder) => {
    const called = calledBy(node, functions);
    if (!called || !isAlike(called, model)) return undefined;
    nodes += called.graph.nodes.length;
    if (nodes > MAX_NODES) throw new OnnxError(`functions: expected at most ${MAX_NODES} nodes when inlined, got more`);
    Object.assign(model.opsets, called.opsets);
    return inlined(called, node, builder);
  });
}

const isCalled = (f: ModelFunction, model: Model, functions: Functions): boolean =>
  rootGraphs(model).some((root) =>
    allGraphs(root).some((g) => g.nodes.some((node) => calledBy(node, functions) === f)),
  );

/**
 * Replaces calls of the model's own functions, in subgraphs too, by what the functions say, and takes out the functions
 * that nobody calls afterwards. Functions in other operator sets than the model's stay: `lift` brings all to one.
 * Throws on functions that call themselves, and beyond 200,000 nodes.
 */
export const inlineFunctions: Pass = (model) => {
  checkFunctions(model);
  const functions = functionsOf(model);
  let modified = false;
  while (functions.size > 0 && round(model, functions)) modified = true;
  if (modified) model.functions = withoutIdle(model, functions);
  return { model, modified };
};

/** Functions that are called, be it by functions that stay. */
function withoutIdle(model: Model, functions: Functions): ModelFunction[] {
  let left = model.functions ?? [];
  for (let before = -1; before !== left.length; ) {
    before = left.length;
    left = left.filter((f) => isCalled(f, { ...model, functions: left }, functions));
  }
  return left;
}
