import { type GraphBuilder, type Node, Value } from '@neuroprune/onnx';

/** The node's result at an index, added (and those before it) where the node leaves it out. */
export function outputOf(
  builder: GraphBuilder,
  node: Node,
  index: number,
  { dtype, shape }: Pick<Value, 'dtype' | 'shape'>,
): Value {
  while (node.outputs.length <= index) {
    const added = new Value('');
    added.producer = node;
    node.outputs.push(added);
  }
  const output = node.outputs[index] as Value;
  if (output.name === '') output.name = builder.fresh(node.opType);
  output.dtype ??= dtype;
  output.shape ??= shape;
  return output;
}
