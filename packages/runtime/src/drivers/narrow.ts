import {
  codeOf,
  eliminateCommonSubexpressions,
  eliminateDeadCode,
  GraphBuilder,
  type Model,
  type Node,
  runPasses,
  sortNodes,
  type Value,
} from '@neuroprune/onnx';

/**
 * Operators whose int64 operands are data, not shapes, and which of them. ONNX Runtime's WebGPU provider has no int64 kernels
 * for them (its option `enableInt64` does not get through the Node binding 1.30), so they would run on the host.
 */
const readers: Readonly<Record<string, readonly number[]>> = {
  Cast: [0],
  Equal: [0, 1],
  Gather: [1],
  GatherElements: [1],
  Greater: [0, 1],
  GreaterOrEqual: [0, 1],
  Less: [0, 1],
  LessOrEqual: [0, 1],
  ScatterElements: [1],
  Shape: [0],
  Size: [0],
};

/** Operators that give int32 where these of their operands are int32. */
const carriers: Readonly<Record<string, readonly number[]>> = {
  Add: [0, 1],
  Concat: [0, 1, 2, 3, 4, 5, 6, 7],
  Expand: [0],
  Identity: [0],
  Mul: [0, 1],
  Neg: [0],
  Reshape: [0],
  Squeeze: [0],
  Sub: [0, 1],
  Transpose: [0],
  Unsqueeze: [0],
  Where: [1, 2],
};

/** Elements up to which a tensor is taken for arithmetic on shapes, which ONNX Runtime keeps on the host. */
export const SHAPE_ELEMENTS = 16;

/** Whether a value may have more elements than a shape. */
const isLarge = ({ shape }: Value): boolean =>
  shape === undefined ||
  shape.some((d) => typeof d !== 'number') ||
  shape.reduce<number>((n, d) => n * Number(d), 1) > SHAPE_ELEMENTS;

/** Makes integers that are data int32: ids, positions, labels. Inputs of the batch change their type; the model is changed in place. */
export function narrowed(model: Model): Model {
  const { graph } = model;
  const builder = new GraphBuilder(graph);
  const narrow = narrower(builder);
  for (const node of [...graph.nodes]) {
    const at =
      node.domain === '' && Object.hasOwn(readers, node.opType) ? (readers[node.opType] as readonly number[]) : [];
    const operands = at.map((i) => node.inputs[i]).filter((v) => v?.dtype === 'int64');
    if (!operands.some((v) => v && isLarge(v)) || isCastToInt64(node)) continue;
    for (const i of at) if (node.inputs[i]?.dtype === 'int64') node.inputs[i] = narrow(node.inputs[i]);
  }
  widenInputs(builder);
  runPasses(model, [eliminateDeadCode, eliminateCommonSubexpressions, sortNodes]);
  return model;
}

const isCastToInt64 = ({ opType, attributes: { to } }: Node): boolean =>
  opType === 'Cast' && to?.type === 'int' && to.value === codeOf('int64');

/** The int32 form of an int64 value, made once each. */
function narrower(builder: GraphBuilder): (value: Value) => Value {
  const made = new Map<Value, Value>();
  const narrow = (value: Value): Value => {
    const known = made.get(value);
    if (known) return known;
    const result = narrowForm(builder, value, narrow);
    made.set(value, result);
    return result;
  };
  return narrow;
}

function narrowForm(builder: GraphBuilder, value: Value, narrow: (value: Value) => Value): Value {
  const { tensor, producer } = value;
  if (tensor) {
    const data = Int32Array.from(tensor.data as BigInt64Array, Number);
    return builder.constant({ dtype: 'int32', dims: tensor.dims, data });
  }
  if (producer?.opType === 'Cast') {
    const from = producer.inputs[0] as Value;
    if (from.dtype === 'int64') return narrow(from);
    return from.dtype === 'int32' ? from : builder.op.Cast(from, { to: codeOf('int32') });
  }
  if (producer?.opType === 'Range') return narrowRange(builder, producer);
  if (producer?.opType === 'Slice') return narrowSlice(builder, producer, narrow);
  const at = producer?.domain === '' ? carriers[producer.opType] : undefined;
  if (!producer || !at || producer.outputs.length !== 1) return builder.op.Cast(value, { to: codeOf('int32') });
  const inputs = producer.inputs.map((v, i) => (v?.dtype === 'int64' && at.includes(i) ? narrow(v) : v));
  return builder.node(producer.opType, inputs, producer.attributes, 1)[0] as Value;
}

/**
 * ONNX follows extents from `Shape` to the operands of `Range` through casts, where it takes them for int64 and refuses the
 * node for operands of several types; it does not follow them through `Max`.
 */
function narrowRange(builder: GraphBuilder, { inputs }: Node): Value {
  const { op } = builder;
  const operands = (inputs as Value[]).map((v) =>
    v.tensor ? builder.scalar(Number(v.tensor.data[0]), 'int32') : op.Cast(op.Max([v, v]), { to: codeOf('int32') }),
  );
  return op.Range(...(operands as [Value, Value, Value]));
}

/** `Slice` has kernels for floats alone; float32 holds integers below 2²⁴ exactly, and no id or position is as large. */
function narrowSlice({ op }: GraphBuilder, { inputs }: Node, narrow: (value: Value) => Value): Value {
  const [data, ...where] = inputs as [Value, Value, Value, Value?, Value?];
  return op.Cast(op.Slice(op.Cast(narrow(data), { to: codeOf('float32') }), ...where), { to: codeOf('int32') });
}

/** Inputs that are int64 become int32; a cast that follows one is the input itself, whatever else reads it casts it back. */
function widenInputs({ graph, op }: GraphBuilder): void {
  for (const input of graph.inputs.filter((v) => v.dtype === 'int64')) {
    const casts = graph.nodes.filter(
      ({ opType, inputs, outputs }) => opType === 'Cast' && inputs[0] === input && outputs[0]?.dtype === 'int32',
    );
    const others = graph.nodes.filter((node) => !casts.includes(node) && node.inputs.includes(input));
    input.dtype = 'int32';
    for (const node of graph.nodes)
      node.inputs.forEach((v, i) => {
        if (v && casts.some(({ outputs }) => outputs[0] === v)) node.inputs[i] = input;
      });
    if (others.length === 0) continue;
    const wide = op.Cast(input, { to: codeOf('int64') });
    for (const node of others)
      node.inputs.forEach((v, i) => {
        if (v === input) node.inputs[i] = wide;
      });
  }
}
