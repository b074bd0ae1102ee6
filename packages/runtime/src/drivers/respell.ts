import {
  allGraphs,
  codeOf,
  GraphBuilder,
  type Model,
  type Node,
  runPasses,
  sortNodes,
  type Value,
} from '@neuroprune/onnx';

/** Operators of step graphs for which ONNX Runtime's WebGPU provider has no kernel, in operators for which it has. */
const spellings: Readonly<Record<string, (builder: GraphBuilder, x: Value, node: Node) => Value>> = {
  // max(0, min(1, α·x + β))
  HardSigmoid: ({ op }, x, node) => {
    const line = op.Add(op.Mul(x, numberOf(node, 'alpha', 0.2)), numberOf(node, 'beta', 0.5));
    return op.Clip(line, 0, 1);
  },
  // [x > 0] - [x < 0]
  Sign: ({ op }, x) => {
    const to = codeOf(x.dtype ?? 'float32');
    return op.Sub(op.Cast(op.Greater(x, 0), { to }), op.Cast(op.Less(x, 0), { to }));
  },
};

const numberOf = ({ attributes }: Node, name: string, otherwise: number): number => {
  const attribute = attributes[name];
  return attribute?.type === 'float' ? attribute.value : otherwise;
};

/** Writes operators without a kernel in others, in place. */
export function respelled(model: Model): Model {
  for (const graph of allGraphs(model.graph)) {
    const builder = new GraphBuilder(graph);
    builder.reserve(model.graph);
    for (const node of [...graph.nodes]) {
      const spell = node.domain === '' && Object.hasOwn(spellings, node.opType) ? spellings[node.opType] : undefined;
      const [y] = node.outputs;
      if (!spell || !y) continue;
      const made = spell(builder, node.inputs[0] as Value, node).producer;
      if (!made) continue;
      graph.nodes.splice(graph.nodes.indexOf(node), 1);
      made.outputs[0] = y; // the value keeps its name and whoever reads it
      y.producer = made;
    }
  }
  runPasses(model, [sortNodes]);
  return model;
}
