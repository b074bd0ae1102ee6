import type { GraphBuilder, Model, Node, Value } from '@neuroprune/onnx';
import { isOp, rewrite } from './rewrite.js';

const intsOf = ({ attributes }: Node, name: string): readonly number[] => {
  const found = attributes[name];
  return found?.type === 'ints' ? found.value : [];
};

/** Steps of one, no holes, and every channel of the result from all that come in. */
const isPlain = (node: Node): boolean =>
  [...intsOf(node, 'strides'), ...intsOf(node, 'dilations')].every((step) => step === 1) &&
  (node.attributes.group?.value ?? 1) === 1 &&
  (node.attributes.auto_pad?.value ?? 'NOTSET') === 'NOTSET';

/** The neighbours of each place beside each other: [batch, length, channels] → [batch, places, kernel·channels]. */
function windowsOf(builder: GraphBuilder, rows: Value, kernel: number): Value {
  const { op } = builder;
  const end = (at: number) => (at === kernel - 1 ? Number.MAX_SAFE_INTEGER : at + 1 - kernel);
  const seen = Array.from({ length: kernel }, (_, at) =>
    op.Slice(rows, builder.ints(at), builder.ints(end(at)), builder.ints(1)),
  );
  return op.Concat(seen, { axis: 2 });
}

/** Writes convolutions along a sequence as products of each window with the weight, which stays as it is; others are left. */
export function writeConvolutions({ graph }: Model): void {
  rewrite(graph, (node, builder) => {
    const [x, weight, bias] = node.inputs;
    const dims = weight?.tensor?.dims;
    if (!isOp(node, 'Conv') || !x || !weight || dims?.length !== 3 || !isPlain(node)) return undefined;
    const { op } = builder;
    const [out, channels, kernel] = dims as [number, number, number];
    const [before = 0, after = 0] = intsOf(node, 'pads');
    const turned = (value: Value) => op.Transpose(value, { perm: [0, 2, 1] });
    const padded = op.Pad(turned(x), builder.ints(0, before, 0, 0, after, 0));
    const windows = windowsOf(builder, padded, kernel);
    const flat = op.Reshape(turned(weight), builder.ints(out, kernel * channels));
    const product = op.MatMul(windows, op.Transpose(flat, { perm: [1, 0] }));
    return new Map([[node.outputs[0]!, turned(bias ? op.Add(product, bias) : product)]]);
  });
}
