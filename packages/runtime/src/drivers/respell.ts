import { allGraphs, codeOf, GraphBuilder, type Model, runPasses, sortNodes, type Value } from '@neuroprune/onnx';

/** Operators of step graphs for which ONNX Runtime's WebGPU provider has no kernel, in operators for which it has. */
const spellings: Readonly<Record<string, (builder: GraphBuilder, x: Value) => Value>> = {
  // [x > 0] - [x < 0]
  Sign: ({ op }, x) => {
    const to = codeOf(x.dtype ?? 'float32');
    return op.Sub(op.Cast(op.Greater(x, 0), { to }), op.Cast(op.Less(x, 0), { to }));
  },
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
      const made = spell(builder, node.inputs[0] as Value).producer;
      if (!made) continue;
      graph.nodes.splice(graph.nodes.indexOf(node), 1);
      made.outputs[0] = y; // the value keeps its name and whoever reads it
      y.producer = made;
    }
  }
  runPasses(model, [sortNodes]);
  return model;
}
