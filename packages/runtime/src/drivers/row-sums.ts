import {
  codeOf,
  type DType,
  GraphBuilder,
  type Model,
  Node,
  runPasses,
  scalarTensor,
  sortNodes,
  type Value,
} from '@neuroprune/onnx';

/** Types of the values whose sums are rewritten: those over the rows of matrices, and those along rows. */
export interface SummedTypes {
  readonly over: readonly DType[];
  readonly along: readonly DType[];
}

/**
 * Sums over rows and along them as products with ones, in place. Products read their operand once and add up in float32: CUDA's
 * ReduceSum over rows takes twice as long in 16 bits as in float32, and along short rows four times as long as a product.
 */
export function rowSums(model: Model, { over, along }: SummedTypes): Model {
  const { graph } = model;
  const ones = new Ones(new GraphBuilder(graph));
  const given = graph.nodes;
  graph.nodes = [];
  const written = given.map((node) => {
    const [x] = node.inputs;
    if (node.opType !== 'ReduceSum' || node.domain !== '' || !x?.dtype) return node;
    const operands =
      (over.includes(x.dtype) ? overRows(node, x, ones) : undefined) ??
      (along.includes(x.dtype) ? alongRows(node, x, ones) : undefined);
    return operands ? new Node('MatMul', [...operands], node.outputs, {}, '', node.name) : node;
  });
  graph.nodes.push(...written);
  runPasses(model, [sortNodes]);
  return model;
}

const axesOf = ({ inputs: [, axes] }: Node): readonly number[] => Array.from(axes?.tensor?.data ?? [], Number);

/** Operands for the sum over the first of two axes, of unknown extent: that of a batch. */
function overRows(node: Node, x: Value, ones: Ones): readonly Value[] | undefined {
  const [rows] = x.shape ?? [];
  const isOver = x.shape?.length === 2 && node.attributes.keepdims?.value === 0 && String(axesOf(node)) === '0';
  return isOver && typeof rows === 'string' ? [ones.ofRows(rows, x), x] : undefined;
}

/** Operands for the sum along the last axis, of known extent, which stays as an axis of one. */
function alongRows(node: Node, x: Value, ones: Ones): readonly Value[] | undefined {
  const [columns, last] = [x.shape?.at(-1), (x.shape?.length ?? 0) - 1];
  const isAlong = String(axesOf(node)) === '-1' || String(axesOf(node)) === String(last);
  const isKept = (node.attributes.keepdims?.value ?? 1) === 1;
  return isAlong && isKept && last > 1 && typeof columns === 'number' ? [x, ones.ofColumns(columns, x)] : undefined;
}

/** Ones to multiply by; matrices of one extent and type share them. */
class Ones {
  private readonly made = new Map<string, Value>();

  constructor(private readonly builder: GraphBuilder) {}

  /** [rows of x] */
  ofRows(rows: string, x: Value): Value {
    const { op } = this.builder;
    return this.known(rows, x, (one) => op.Expand(one, op.Shape(x, { start: 0, end: 1 })));
  }

  /** [columns, 1] */
  ofColumns(columns: number, x: Value): Value {
    return this.known(`${columns}`, x, (one) => this.builder.op.Expand(one, this.builder.ints(columns, 1)));
  }

  private known(extent: string, { dtype = 'float32' }: Value, make: (one: Value) => Value): Value {
    const key = `${dtype} ${extent}`;
    const known = this.made.get(key);
    if (known) return known;
    const made = make(this.builder.constant(scalarTensor(1)));
    const cast = dtype === 'float32' ? made : this.builder.op.Cast(made, { to: codeOf(dtype) });
    this.made.set(key, cast);
    return cast;
  }
}
