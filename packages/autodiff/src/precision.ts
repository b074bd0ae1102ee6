/**
 * Mixed precision by `Cast` (Micikevicius et al. 2018): products, norms and what lies between them, forward and backward, in
 * 16 bits; losses, exponentials, powers and what stays on parameters in float32. Unlike `torch.autocast` norms, softmax and
 * sums take and give 16 bits: kernels add up in float32 inside, and half the bytes and few casts are what makes it fast.
 */
import { bfloat16Bits, codeOf, type DType, float16Bits, type GraphBuilder, Node, Value } from '@neuroprune/onnx';

/** Types of products and of the values between them. */
export const precisions = ['fp32', 'fp16', 'bf16'] as const;

/** Type of products and of the values between them. */
export type Precision = (typeof precisions)[number];

/** How an operator runs: in 16 bits, in float32, in 16 bits as soon as one of its operands has them, or when all have. */
type Kind = 'low' | 'full' | 'yield' | 'follow';

/** Operators that are not here stay float32: among them powers, logarithms, extrema, and `Pad`, which has no bfloat16 kernel for CUDA. */
const kinds: Readonly<Record<string, Kind>> = {
  Gemm: 'low',
  LayerNormalization: 'low',
  MatMul: 'low',
  // Elementwise
  Abs: 'follow',
  Add: 'yield',
  Clip: 'follow',
  Erf: 'follow',
  Exp: 'follow',
  Gelu: 'follow',
  HardSigmoid: 'follow',
  Max: 'follow',
  Min: 'follow',
  Mul: 'yield',
  Neg: 'follow',
  ReduceMean: 'follow',
  ReduceSum: 'follow',
  Relu: 'follow',
  Sigmoid: 'follow',
  Softmax: 'follow',
  Sub: 'yield',
  Tanh: 'follow',
  Where: 'follow',
  // Movement
  Concat: 'follow',
  Dropout: 'follow',
  Expand: 'follow',
  Flatten: 'follow',
  Gather: 'follow',
  Identity: 'follow',
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

/** The largest exponent whose power of e float16 holds: its range ends at 65504. */
const LARGEST_EXPONENT = Math.log(65504);

/** Whether a result may leave the range of float16: that of `Exp`, but for a constant less a square, as in the density of a normal variable. */
function isWide({ opType, inputs: [exponent] }: Node): boolean {
  if (opType !== 'Exp') return false;
  const { opType: made, inputs: [from, square] = [] } = exponent?.producer ?? {};
  const { opType: kind, inputs: [a, b] = [] } = square?.producer ?? {};
  const most = from && isScalarConstant(from) ? Number(from.tensor?.data[0]) : Number.POSITIVE_INFINITY;
  return !(made === 'Sub' && kind === 'Mul' && a === b && most < LARGEST_EXPONENT);
}

/** How to lower. */
export interface LowerOptions {
  /** Rounds to the type and back and computes in float32. */
  readonly emulated?: boolean;
  /** Nodes that stay float32 whatever they are: the loss, and dropout's generator, which counts on exact integers. */
  readonly exact?: ReadonlySet<Node>;
}

/** Results, from this one on, that stay float32 whatever the operands are: the statistics of a norm. */
const FULL_FROM: Readonly<Record<string, number>> = { LayerNormalization: 1 };

/** What a small term of a sum in float16 is kept within: half of the type's range, so that the sum is finite (what hides padding is not). */
const FINITE = 2 ** 15;

/** Operators that read no element of their first operand, only its shape. */
const SHAPES = new Set(['Shape', 'Size']);

/**
 * Rewrites the graph's nodes so far. Values keep their names where they stay float32; what a later node reads in another
 * type than it is made in goes through one `Cast`.
 */
export function lowerPrecision(
  builder: GraphBuilder,
  precision: Exclude<Precision, 'fp32'>,
  options: LowerOptions = {},
): void {
  const { graph } = builder;
  const nodes = graph.nodes;
  graph.nodes = [];
  const lowering = new Lowering(builder, types[precision], options);
  for (const node of nodes) lowering.add(node);
  for (const value of nodes.flatMap((n) => n.outputs)) lowering.restore(value);
}

/** One walk over the nodes: which values exist in 16 bits, and which of them have a float32 form too. */
class Lowering {
  private readonly emulated: boolean;
  private readonly exact: ReadonlySet<Node>;
  /** The 16-bit form of a value of the old graph. */
  private readonly lows = new Map<Value, Value>();
  /** Values of the old graph that so far exist only in 16 bits. */
  private readonly pending = new Set<Value>();

  constructor(
    private readonly builder: GraphBuilder,
    private readonly dtype: 'float16' | 'bfloat16',
    { emulated = false, exact = new Set() }: LowerOptions,
  ) {
    this.emulated = emulated;
    this.exact = exact;
    this.outputs = new Set(builder.graph.outputs);
  }

  add(node: Node): void {
    if (this.isLowered(node)) this.lower(node);
    else {
      if (!SHAPES.has(node.opType)) for (const v of node.inputs) if (v) this.restore(v);
      this.push(
        node,
        node.inputs.map((v) => (v && this.pending.has(v) ? this.lows.get(v) : v)),
      );
    }
  }

  private isLowered(node: Node): boolean {
    const operands = node.inputs.filter((v): v is Value => v?.dtype === 'float32' && !isScalarConstant(v));
    if (operands.length === 0 || this.exact.has(node)) return false;
    if (this.dtype === 'float16' && isWide(node)) return false;
    const isLow = (v: Value) => this.madeLow.has(v) && !this.outputs.has(v);
    const hold: Readonly<Record<Kind, () => boolean>> = {
      low: () => true,
      full: () => false,
      yield: () => operands.some(isLow),
      follow: () => operands.every(isLow),
    };
    return hold[kindOf(node)]();
  }

  /** Makes the float32 form of a value that has none yet. */
  restore(value: Value): void {
    if (!this.pending.delete(value)) return;
    const low = this.lows.get(value) as Value;
    this.builder.graph.nodes.push(new Node('Cast', [low], [value], { to: { type: 'int', value: codeOf('float32') } }));
  }

  private readonly madeLow = new Set<Value>();
  /** What the model gives: what follows it, the loss, reads it in float32. */
  private readonly outputs: ReadonlySet<Value>;
  /** 16-bit forms of small terms, kept within what a sum bears. */
  private readonly bounded = new Map<Value, Value>();

  private lower(node: Node): void {
    const bounded = node.opType === 'Add' && this.dtype === 'float16';
    const [result] = node.outputs;
    const inputs = node.inputs.map((v) =>
      v?.dtype === 'float32' ? this.low(v, bounded && !this.madeLow.has(v) && isSmaller(v, result)) : v,
    );
    if (this.emulated) {
      this.emulate(node, inputs);
      return;
    }
    const outputs = node.outputs.map((y, i) => {
      if (y.dtype !== 'float32' || i >= firstFull(node)) return y;
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
    const rounded = node.outputs.slice(0, firstFull(node));
    const raw = rounded.map((y) => new Value(this.builder.fresh(`${y.name}_raw`), y.dtype, y.shape));
    const results = [...raw, ...node.outputs.slice(raw.length)];
    this.builder.graph.nodes.push(new Node(node.opType, inputs, results, node.attributes, '', node.name));
    rounded.forEach((y, i) => {
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

  /** The 16-bit form of a float32 value, made once; `bounded` by what a sum in float16 bears. */
  private low(value: Value, bounded = false): Value {
    const made = bounded ? this.bounded : this.lows;
    const known = made.get(value);
    if (known) return known;
    const { op } = this.builder;
    const exact = bounded ? op.Clip(value, -FINITE, FINITE) : value;
    const low = isScalarConstant(value)
      ? this.constant(value)
      : this.rounded(op.Cast(exact, { to: codeOf(this.dtype) }));
    made.set(value, low);
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

/** The first result that stays float32. */
const firstFull = ({ domain, opType, outputs }: Node): number =>
  (domain === '' ? FULL_FROM[opType] : undefined) ?? outputs.length;

/** True for an operand that is spread over the result: of fewer axes, or of extent 1 where the result has more. */
function isSmaller({ shape }: Value, result: Value | undefined): boolean {
  const whole = result?.shape;
  if (!shape || !whole) return false;
  return shape.length < whole.length || shape.some((d, i) => d === 1 && whole[i + whole.length - shape.length] !== 1);
}

const isScalarConstant = ({ tensor }: Value): boolean => tensor !== undefined && tensor.data.length === 1;
