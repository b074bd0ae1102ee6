import {
  allGraphs,
  type Graph,
  GraphBuilder,
  type Model,
  type Node,
  runPasses,
  sortNodes,
  type Value,
} from '@neuroprune/onnx';

/**
 * Takes both branches of every `If` and lets `Where` pick, in place: on webgpu an `If` brings all that its branches give to the
 * host and back. Branches with graphs of their own stay.
 */
export function bothBranches(model: Model): Model {
  const { graph } = model;
  const builder = new GraphBuilder(graph);
  for (const node of [...graph.nodes]) if (isPlainIf(node)) take(builder, node);
  runPasses(model, [sortNodes]);
  return model;
}

const branchesOf = ({ attributes: { then_branch: then, else_branch: otherwise } }: Node): Graph[] =>
  [then, otherwise].flatMap((a) => (a?.type === 'graph' ? [a.value] : []));

function isPlainIf(node: Node): boolean {
  const branches = branchesOf(node);
  return (
    node.opType === 'If' &&
    node.domain === '' &&
    branches.length === 2 &&
    branches.every((g) => allGraphs(g).length === 1)
  );
}

function take(builder: GraphBuilder, node: Node): void {
  const { graph } = builder;
  const [then, otherwise] = branchesOf(node) as [Graph, Graph];
  graph.nodes.splice(graph.nodes.indexOf(node), 1);
  for (const branch of [then, otherwise]) {
    graph.initializers.push(...branch.initializers);
    graph.nodes.push(...branch.nodes);
  }
  node.outputs.forEach((y, i) => {
    const picked = builder.op.Where(node.inputs[0] as Value, then.outputs[i] as Value, otherwise.outputs[i] as Value);
    const { producer } = picked;
    if (!producer) return;
    producer.outputs[0] = y; // the value keeps its name and whoever reads it
    y.producer = producer;
  });
}
