import { type Graph, type Model, type Node, subgraphs } from '../model.js';
import { isOpType, type OpType } from '../ops.js';
import { control } from './control.js';
import { elementwise } from './elementwise.js';
import { linalg } from './linalg.js';
import { movement } from './movement.js';
import { reduction } from './reduction.js';
import type { InferRule, TypeInfo } from './rule.js';

/** The shape rule of every operator in the table; an operator without one does not compile. */
export const inferRules: { readonly [K in OpType]: InferRule } = {
  ...control,
  ...elementwise,
  ...linalg,
  ...movement,
  ...reduction,
};

/** Types of a node's outputs; nothing is known of operators outside the table. */
export const inferNode = (node: Node): TypeInfo[] =>
  node.domain === '' && isOpType(node.opType) ? inferRules[node.opType](node) : [];

/** Fills in the types of every node's outputs, in place, from the inputs' declared ones. */
export function inferModel(model: Model): Model {
  inferGraph(model.graph);
  return model;
}

/** In execution order; the graphs inside a node come before the node that hands out their results. */
function inferGraph(graph: Graph): void {
  for (const node of graph.nodes) {
    for (const body of subgraphs(node)) inferGraph(body);
    inferOutputs(node);
  }
}

function inferOutputs(node: Node): void {
  inferNode(node).forEach((type, i) => {
    const output = node.outputs[i];
    if (!output) return;
    output.dtype = type.dtype ?? output.dtype;
    output.shape = type.shape ?? output.shape;
    output.elements = type.elements;
  });
}
