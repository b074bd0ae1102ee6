/**
 * Mixed precision by `Cast` (Micikevicius et al. 2018): products, forward and backward, and the elementwise work between
 * them in 16 bits; what loses by it in float32, after the lists of `torch.autocast` for CUDA.
 */
import { bfloat16Bits, codeOf, type DType, float16Bits, type GraphBuilder, Node, Value } from '@neuroprune/onnx';

/** Types of products and of the values between them. */
export const precisions = ['fp32', 'fp16', 'bf16'] as const;

/** Type of products and of the values between them. */
export type Precision = (typeof precisions)[number];

/** How an operator runs: in 16 bits, in float32, or in what its operands have (float32 as soon as one of them has it). */
type Kind = 'low' | 'full' | 'follow';

/** Operators that are not here stay float32: among them softmax, norms, losses, exponentials, powers and reductions. */
const kinds: Readonly<Record<string, Kind>> = {
  Gemm: 'low',
  MatMul: 'low',
  // Elementwise
  Abs: 'follow',
  Add: 'follow',
  Clip: 'follow',
  Gelu: 'follow',
  HardSigmoid: 'full',
  Max: 'follow',
  Min: 'follow',
  Mul: 'follow',
  Neg: 'follow',
  Relu: 'follow',
  Sigmoid: 'follow',
  Sub: 'follow',
  Tanh: 'follow',
  Where: 'follow',
  // Movement
  Concat: 'follow',
  Expand: 'follow',
  Flatten: 'follow',
  Gather: 'follow',
  Identity: 'follow',
  Pad: 'follow',
  Reshape: 'follow',
  Slice: 'follow',
  Split: 'follow',
  Squeeze: 'follow',
  Tile: 'follow',
  Transpose: 'follow',
  Unsqueeze: 'follow',
};

const kindOf = ({ domain, opType }: Node): Kind =>
  domain === '' && Object.hasOwn(kinds, opType) ? (kinds[opType] as Kind) : 'full';

const types = { fp16: 'float16', bf16: 'bfloat16' } as const;

/** Operators that read no element of their first operand, only its shape. */
const SHAPES = new Set(['Shape', 'Size']);

/**
 * Rewrites the graph's nodes so far. Values keep their names where they stay float32; what a later node reads in another
 * type than it is made in goes through one `Cast`. `emulated` rounds to the type and back and computes in float32.
 */
export function lowerPrecision(
  builder: GraphBuilder,
  precision: Exclude<Precision, 'fp32'>,
  { emulated = false }: { readonly emulated?: boolean } = {},
): void {
  const { graph } = builder;
  const nodes = graph.nodes;
  graph.nodes = [];
  const lowering = new Lowering(builder, types[precision], emulated);
  for (const node of nodes) lowering.add(node);
  for (const value of nodes.flatMap((n) => n.outputs)) lowering.restore(value);
}

/** One walk over the nodes: which values exist in 16 bits, and which of them have a float32 form too. */
class Lowering {
  /** The 16-bit form of a value of the old graph. */
  private readonly lows = new Map<Value, Value>();
  /** Values of the old graph that so far exist only in 16 bits. */
  private readonly pending = new Set<Value>();

  constructor(
    private readonly builder: GraphBuilder,
    private readonly dtype: 'float16' | 'bfloat16',
    private readonly emulated: boolean,
  ) {}

  add(node: Node): void {
    const operands = node.inputs.filter((v) => v?.dtype === 'float32');
    const kind = kindOf(node);
    const follows = kind === 'follow' && operands.length > 0 && operands.every((v) => v && this.isLow(v));
    if ((kind === 'low' || follows) && operands.some((v) => v && !isScalarConstant(v))) this.lower(node);
    else {
      if (!SHAPES.has(node.opType)) for (const v of node.inputs) if (v) this.restore(v);
      this.push(
        node,
        node.inputs.map((v) => (v && this.pending.has(v) ? this.lows.get(v) : v)),
      );
    }
  }

  /** Makes the float32 form of a value that has none yet. */
  restore(value: Value): void {
    if (!this.pending.delete(value)) return;
    const low = this.lows.get(value) as Value;
    this.builder.graph.nodes.push(new Node('Cast', [low], [value], { to: { type: 'int', value: codeOf('float32') } }));
  }

  /** True for values made in 16 bits and for constants so small that they take any type. */
  private isLow(value: Value): boolean {
    return this.pending.has(value) || this.madeLow.has(value) || isScalarConstant(value);
  }

  private readonly madeLow = new Set<Value>();

  private lower(node: Node): void {
    const inputs = node.inputs.map((v) => (v?.dtype === 'float32' ? this.low(v) : v));
    if (this.emulated) {
      this.emulate(node, inputs);
      return;
    }
    const outputs = node.outputs.map((y) => {
      if (y.dtype !== 'float32') return y;
      const low = new Value(this.builder.fresh(`${y.name}_low`), this.dtype, y.shape);
      this.lows.set(y, low);
      this.pending.add(y);
      this.madeLow.add(y);
      return low;
    });
    this.builder.graph.nodes.push(new Node(node.opType, inputs, outputs, node.attributes, '', node.name));
  }

  /** The node in float32 on rounded operands, its results rounded. */
  private emulate(node: Node, inputs: (Value | undefined)[]): void {
    const raw = node.outputs.map((y) => new Value(this.builder.fresh(`${y.name}_raw`), y.dtype, y.shape));
    this.builder.graph.nodes.push(new Node(node.opType, inputs, raw, node.attributes, '', node.name));
    node.outputs.forEach((y, i) => {
      const x = raw[i] as Value;
      const attributes = { to: { type: 'int', value: codeOf('float32') } } as const;
      const source = y.dtype === 'float32' ? this.builder.op.Cast(x, { to: codeOf(this.dtype) }) : x;
      this.builder.graph.nodes.push(
        y.dtype === 'float32' ? new Node('Cast', [source], [y], attributes) : new Node('Identity', [x], [y], {}),
      );
      this.lows.set(y, y);
      this.madeLow.add(y);
    });
  }

  /** The 16-bit form of a float32 value, made once. */
  private low(value: Value): Value {
    const known = this.lows.get(value);
    if (known) return known;
    const { op } = this.builder;
    const low = isScalarConstant(value)
      ? this.constant(value)
      : this.rounded(op.Cast(value, { to: codeOf(this.dtype) }));
    this.lows.set(value, low);
    return low;
  }

  private rounded(low: Value): Value {
    return this.emulated ? this.builder.op.Cast(low, { to: codeOf('float32') }) : low;
  }

  private constant(value: Value): Value {
    if (this.emulated || !value.tensor) return value;
    const bits = this.dtype === 'float16' ? float16Bits : bfloat16Bits;
    const data = Uint16Array.from(value.tensor.data as Float32Array, bits);
    return this.builder.constant({ dtype: this.dtype as DType, dims: value.tensor.dims, data } as never);
  }

  private push(node: Node, inputs: (Value | undefined)[]): void {
    node.inputs.splice(0, node.inputs.length, ...inputs);
    this.builder.graph.nodes.push(node);
  }
}

const isScalarConstant = ({ tensor }: Value): boolean => tensor !== undefined && tensor.data.length === 1;
