import { allGraphs, type Graph, GraphBuilder, type Model, Node, runPasses, sortNodes, Value } from '@neuroprune/onnx';

/** Outputs of a `Split`: with its input they take as many storage buffers as WebGPU promises a shader, 8. */
const OUTPUTS = 7;

/** Cuts in several rounds what a `Split` cuts into more pieces than a shader can bind, in place. */
export function narrowSplits(model: Model): Model {
  for (const graph of allGraphs(model.graph)) {
    const builder = new GraphBuilder(graph);
    builder.reserve(model.graph);
    const wide = graph.nodes.filter(({ opType, outputs }) => opType === 'Split' && outputs.length > OUTPUTS);
    for (const node of wide) {
      const sizes = sizesOf(node);
      if (!sizes) continue;
      graph.nodes.splice(graph.nodes.indexOf(node), 1);
      cutInRounds({ graph, builder, node }, node.inputs[0] as Value, sizes, node.outputs);
    }
  }
  runPasses(model, [sortNodes]);
  return model;
}

/** Extents of the pieces; undefined where they are not known before the graph runs. */
function sizesOf({ inputs: [x, split], outputs, attributes: { axis } }: Node): readonly number[] | undefined {
  if (split) return split.tensor && Array.from(split.tensor.data as BigInt64Array, Number);
  const at = axis?.type === 'int' ? axis.value : 0;
  const extent = x?.shape?.at(at);
  if (typeof extent !== 'number') return undefined;
  const size = Math.ceil(extent / outputs.length); // the last piece is smaller where they are not equal
  return outputs.map((_, i) => Math.min(size, extent - i * size));
}

interface Cut {
  readonly graph: Graph;
  readonly builder: GraphBuilder;
  readonly node: Node;
}

function cutInRounds(cut: Cut, value: Value, sizes: readonly number[], pieces: readonly Value[]): void {
  const { graph, builder, node } = cut;
  const split = (parts: readonly number[], outputs: readonly Value[]) => {
    const { num_outputs: _, ...attributes } = node.attributes;
    graph.nodes.push(new Node('Split', [value, builder.ints(...parts)], [...outputs], attributes));
  };
  if (pieces.length <= OUTPUTS) {
    split(sizes, pieces);
    return;
  }
  const each = Math.ceil(pieces.length / OUTPUTS);
  const starts = Array.from({ length: Math.ceil(pieces.length / each) }, (_, i) => i * each);
  const groups = starts.map((start) => sizes.slice(start, start + each));
  const parts = starts.map(() => new Value(builder.fresh('Split'), value.dtype));
  split(
    groups.map((group) => group.reduce((a, b) => a + b, 0)),
    parts,
  );
  for (const [i, start] of starts.entries())
    cutInRounds(cut, parts[i] as Value, groups[i] as number[], pieces.slice(start, start + each));
}
