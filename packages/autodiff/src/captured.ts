import { allGraphs, type Node, subgraphs, type Value } from '@neuroprune/onnx';

/** What the graphs inside a node (bodies, branches) read; values of their own among them, which do no harm. */
export const captured = (node: Node): Value[] =>
  subgraphs(node)
    .flatMap(allGraphs)
    .flatMap((graph) => [...graph.outputs, ...graph.nodes.flatMap((n) => n.inputs)])
    .filter((value) => value !== undefined);
