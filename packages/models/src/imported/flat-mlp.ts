import { type GraphBuilder, type Model, type Node, sortNodes, type Value } from '@neuroprune/onnx';
import type { Blocks } from './blocks.js';
import type { MlpBlock } from './mlp-pattern.js';
import { rewrite } from './rewrite.js';

/**
 * Leaves the hidden units of feed-forward parts in rows, [batch·sequence, units], as their products give and take them: what
 * a unit gives at rest can then be told without a batch.
 */
export function flattenMlps(model: Model, { layers }: Blocks): void {
  const parts = layers.flatMap(({ sites }) => sites.map(({ mlp }) => mlp));
  const flat = new Map<Value, Value>();
  const firsts = new Map<Node, MlpBlock>();
  for (const mlp of parts) {
    for (const { y, gemm } of mlp.up) if (y !== gemm.outputs[0]) flat.set(y, gemm.outputs[0]!);
    if (mlp.down.entry !== mlp.down.gemm) firsts.set(mlp.down.entry, mlp);
  }
  rewrite(model.graph, (node, builder) => {
    node.inputs.forEach((v, i) => {
      node.inputs[i] = v && (flat.get(v) ?? v);
    });
    const mlp = firsts.get(node);
    if (!mlp) return undefined;
    reshapeAs(builder, mlp);
    return new Map([[node.outputs[0]!, node.inputs[0]!]]);
  });
  sortNodes(model);
}

/** The axes that the layer's result gets are those of what the first layer read. */
function reshapeAs(builder: GraphBuilder, { up, down }: MlpBlock): void {
  const { op } = builder;
  const reshape = down.y.producer!;
  const { x } = up[0]!;
  reshape.inputs[1] = op.Concat([op.Shape(x, { end: x.rank - 1 }), builder.ints(-1)], { axis: 0 });
}
