import { GraphBuilder, type Model, Node, runPasses, sortNodes, type Value } from '@neuroprune/onnx';

/**
 * Transposes the second operand of a `Gemm` before it, in place: WebGPU's kernel for transB runs at 7 TFLOP/s on an H100 where the
 * plain one does 22, and the transpose of a matrix of weights takes a hundredth of the product.
 */
export function plainProducts(model: Model): Model {
  const builder = new GraphBuilder(model.graph);
  const transposed = new Map<Value, Value>();
  const turn = (w: Value): Value => {
    const known = transposed.get(w) ?? builder.op.Transpose(w, { perm: [1, 0] });
    transposed.set(w, known);
    return known;
  };
  const given = model.graph.nodes;
  model.graph.nodes = [];
  const written = given.map((node) => {
    const { transB, ...rest } = node.attributes;
    const [a, b, ...c] = node.inputs;
    if (node.opType !== 'Gemm' || node.domain !== '' || transB?.type !== 'int' || transB.value !== 1 || !b) return node;
    return new Node('Gemm', [a, turn(b), ...c], node.outputs, rest, '', node.name);
  });
  model.graph.nodes.push(...written);
  runPasses(model, [sortNodes]);
  return model;
}
