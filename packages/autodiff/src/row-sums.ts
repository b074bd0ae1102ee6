import { codeOf, type DType, type GraphBuilder, Node, scalarTensor, type Value } from '@neuroprune/onnx';

/**
 * Sums over the rows of matrices as products with a row of ones, for 16 bits: products add up in float32 and read their operand
 * once, where CUDA's ReduceSum of 16 bits takes more than twice what it takes in float32. Matrices of one extent share their ones.
 */
export class RowSums {
  private readonly ones = new Map<string, Value>();

  constructor(
    private readonly builder: GraphBuilder,
    private readonly dtype: DType,
  ) {}

  /** The product in the place of a sum over the first of two axes, over `x`, its operand in 16 bits; undefined for other nodes. */
  productOf({ opType, domain, inputs: [given, axes], outputs, attributes, name }: Node, x: Value): Node | undefined {
    const rows = given?.shape?.[0];
    const isOverRows = given?.shape?.length === 2 && attributes.keepdims?.value === 0 && isFirst(axes);
    if (opType !== 'ReduceSum' || domain !== '' || !isOverRows || typeof rows !== 'string') return undefined;
    return new Node('MatMul', [this.onesOf(rows, x), x], outputs, {}, '', name);
  }

  private onesOf(rows: string, x: Value): Value {
    const known = this.ones.get(rows);
    if (known) return known;
    const { op } = this.builder;
    const one = this.builder.constant(scalarTensor(1));
    const made = op.Cast(op.Expand(one, op.Shape(x, { start: 0, end: 1 })), { to: codeOf(this.dtype) });
    this.ones.set(rows, made);
    return made;
  }
}

const isFirst = (axes: Value | undefined): boolean =>
  axes?.tensor?.data.length === 1 && Number(axes.tensor.data[0]) === 0;
