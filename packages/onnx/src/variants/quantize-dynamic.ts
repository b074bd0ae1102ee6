import { codeOf, type GraphBuilder } from '../builder.js';
import { numberAttribute } from '../infer/rule.js';
import { allGraphs, type Graph, type Model, type Node, type Value } from '../model.js';
import { eliminateDeadCode } from '../passes/dead-code.js';
import type { PassResult } from '../passes/pass.js';
import { rewriteNodes } from '../passes/rewrite.js';
import { type Tensor, tensor } from '../tensor.js';
import { Constants } from './constants.js';
import { int8Elements, int8Scales, type ScaledAxis } from './int8-matrix.js';
import { lazyTensor } from './lazy-tensor.js';
import { type Linear, linearOf, matrixOf } from './linear.js';

/** Rows of a table must have so many elements that a scale for each is little beside them. */
const LEAST_WIDTH = 32;

/** A matrix as bytes, and the scale of each of its rows or columns. */
interface Stored {
  readonly elements: Value;
  readonly scales: Value;
}

/** The table that a `Gather` of whole rows reads, when it is a matrix of constants. */
function tableOf(node: Node): Tensor<'float32'> | undefined {
  const isRows = node.domain === '' && node.opType === 'Gather' && numberAttribute(node, 'axis', 0) === 0;
  const content = isRows ? matrixOf(node.inputs[0]) : undefined;
  return content && (content.dims[1] as number) >= LEAST_WIDTH ? content : undefined;
}

/** Tables of which nothing else is read but whole rows and products: they need not stay as they are. */
function freeTables(root: Graph, products: boolean): ReadonlySet<Value> {
  const nodes = allGraphs(root).flatMap((g) => g.nodes);
  const tables = new Set(nodes.flatMap((node) => (tableOf(node) ? [node.inputs[0] as Value] : [])));
  for (const node of nodes) {
    const [first, second] = node.inputs;
    const read = tableOf(node) ? first : products && linearOf(node) ? second : undefined;
    for (const value of node.inputs) if (value && value !== read) tables.delete(value);
  }
  for (const graph of allGraphs(root)) for (const value of graph.outputs) tables.delete(value);
  return tables;
}

/** Writes products and look-ups over bytes, each matrix and each activation turned into bytes once. */
class Int8Writer {
  private readonly constants: Constants;
  private readonly tables: ReadonlySet<Value>;
  private readonly matrices = new Map<string, Stored>();
  private readonly activations = new Map<Graph, Map<Value, readonly Value[]>>();

  /** `products`: whether matrices are multiplied by in whole numbers, or tables are looked up alone. */
  constructor(
    root: Graph,
    private readonly products: boolean,
  ) {
    this.constants = new Constants(root);
    this.tables = freeTables(root, products);
  }

  rewrite(node: Node, builder: GraphBuilder): Value[] | undefined {
    const linear = linearOf(node);
    if (linear) return this.products ? [this.product(linear, builder)] : undefined;
    const [table, indices] = node.inputs;
    const content = tableOf(node);
    return content && table && indices && this.tables.has(table)
      ? [this.rows(table, content, indices, builder)]
      : undefined;
  }

  /** x·W ≈ (x_scale · W_scale) · (x_bytes − x_zero)·W_bytes, the product in whole numbers (`MatMulInteger`). */
  private product({ x, weight, content, byOutput, bias }: Linear, builder: GraphBuilder): Value {
    const { op } = builder;
    const isTable = byOutput && this.tables.has(weight);
    const { elements, scales } = this.stored(weight, content, byOutput ? 'row' : 'column', byOutput && !isTable);
    // A table that is looked up too lies there once; the runtime transposes it when it loads the model.
    const matrix = isTable ? op.Transpose(elements, { perm: [1, 0] }) : elements;
    const [bytes, scale, zero] = this.quantized(x, builder) as [Value, Value, Value];
    const sums = op.Cast(op.MatMulInteger(bytes, matrix, zero), { to: codeOf('float32') });
    const y = op.Mul(sums, op.Mul(scale, scales));
    return bias ? op.Add(y, bias) : y;
  }

  private rows(table: Value, content: Tensor<'float32'>, indices: Value, builder: GraphBuilder): Value {
    const { op } = builder;
    const { elements, scales } = this.stored(table, content, 'row', false);
    const scale = op.Unsqueeze(op.Gather(scales, indices), builder.ints(-1));
    return op.Mul(op.Cast(op.Gather(elements, indices), { to: codeOf('float32') }), scale);
  }

  private stored(value: Value, content: Tensor<'float32'>, axis: ScaledAxis, transposed: boolean): Stored {
    const key = `${value.name} ${axis} ${transposed}`;
    const known = this.matrices.get(key);
    if (known) return known;
    const scales = int8Scales(content, axis);
    const [rows = 0, columns = 0] = content.dims;
    const dims = transposed ? [columns, rows] : [rows, columns];
    const elements = lazyTensor('int8', dims, () => int8Elements(content, scales, axis, transposed));
    const made = {
      elements: this.constants.add(`${value.name}_quantized`, elements),
      scales: this.constants.add(`${value.name}_scale`, tensor('float32', [scales.length], scales)),
    };
    this.matrices.set(key, made);
    return made;
  }

  private quantized(x: Value, builder: GraphBuilder): readonly Value[] {
    const known = this.activations.get(builder.graph) ?? new Map<Value, readonly Value[]>();
    this.activations.set(builder.graph, known);
    const made = known.get(x) ?? builder.op.DynamicQuantizeLinear(x);
    known.set(x, made);
    return made;
  }
}

/**
 * Stores the matrices of `Gemm` and `MatMul`, and the tables that `Gather` looks rows up in, as bytes with a scale an output
 * or row, and multiplies activations by them in whole numbers, quantized as they come (one range a tensor, so results depend
 * a little on what stands in the same batch). Zeros stay zero. In place; types are worked out along the way.
 */
export const quantizeDynamic = (model: Model): PassResult => quantized(model, true);

/**
 * Stores the tables that `Gather` looks rows up in, and nothing else reads, as bytes with a scale a row: what
 * `quantizeDynamic` does with them. In place; types are worked out along the way.
 */
export const quantizeTables = (model: Model): PassResult => quantized(model, false);

function quantized(model: Model, products: boolean): PassResult {
  const writer = new Int8Writer(model.graph, products);
  const modified = rewriteNodes(model.graph, (node, builder) => writer.rewrite(node, builder));
  eliminateDeadCode(model);
  return { model, modified };
}
