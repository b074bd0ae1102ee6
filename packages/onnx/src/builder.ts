import { type DType, dtypes } from './dtype.js';
import { OnnxError } from './errors.js';
import { bfloat16Bits, float16Bits } from './half.js';
import { inferNode } from './infer/infer.js';
import { type Attribute, allGraphs, emptyGraph, type Graph, Node, Value } from './model.js';
import { type Attributes, isOpType, type Operand, type OpFunctions, type OpSpec, type OpType, ops } from './ops.js';
import type { Shape } from './shape.js';
import { int64, type Tensor, type TensorArrays, tensor } from './tensor.js';

/** Builds a graph node by node: `op.Add(a, b)`. Types and shapes of every result are known at once. */
export class GraphBuilder {
  /** One function an operator. */
  readonly op: OpFunctions;
  private readonly constants = new Map<string, Value>();
  private readonly names: Set<string>;
  private readonly counters = new Map<string, number>();

  /** Goes on with `graph`; a subgraph shares the names of its `outer` builder. */
  constructor(
    readonly graph: Graph = emptyGraph('graph'),
    private readonly outer?: GraphBuilder,
  ) {
    this.names = outer ? outer.names : takenNames(graph);
    this.counters = outer ? outer.counters : this.counters;
    const functions: Partial<Record<OpType, unknown>> = {};
    for (const type of Object.keys(ops) as OpType[]) {
      functions[type] = (...args: unknown[]) => this.call(type, args);
    }
    this.op = functions as OpFunctions;
  }

  /** A builder of a subgraph (a `Loop` body, an `If` branch) that may use this graph's values. */
  subgraph(name: string): GraphBuilder {
    return new GraphBuilder(emptyGraph(name), this);
  }

  /** Keeps off the names of a graph whose nodes will join this one. */
  reserve(graph: Graph): void {
    for (const name of takenNames(graph)) this.names.add(name);
  }

  /** A graph input; the name is kept as given. */
  input(name: string, dtype: DType, shape: Shape): Value {
    const value = new Value(this.claim(name), dtype, shape);
    this.graph.inputs.push(value);
    return value;
  }

  /** A named constant, such as a parameter; the name is kept as given. */
  initializer(name: string, content: Tensor): Value {
    return this.addInitializer(this.claim(name), content);
  }

  /** A constant with a name of its own; equal small constants are one. */
  constant(content: Tensor): Value {
    const key =
      content.data.length <= 64
        ? `${content.dtype}[${content.dims}]${Array.from(content.data as ArrayLike<unknown>)
            .map((x) => (Object.is(x, -0) ? '-0' : x))
            .join()}`
        : undefined;
    const known = key === undefined ? undefined : this.known(key);
    if (known) return known;
    const value = this.addInitializer(this.fresh('const'), content);
    if (key !== undefined) this.constants.set(key, value);
    return value;
  }

  /** An int64 vector constant: axes, shapes. */
  ints(...values: number[]): Value {
    return this.constant(int64(values));
  }

  /** A scalar constant, float32 unless another type is named. */
  scalar(value: number, dtype: DType = 'float32'): Value {
    return this.constant(scalarTensor(value, dtype));
  }

  /** Makes a value a graph output under a name. A node's result takes the name itself; anything else goes through `Identity`. */
  output(value: Value, name: string): Value {
    const own = value.producer && this.graph.nodes.includes(value.producer) && !this.graph.outputs.includes(value);
    const out = own ? value : this.op.Identity(value);
    if (out.name !== name) {
      this.names.delete(out.name);
      out.name = this.claim(name);
    }
    this.graph.outputs.push(out);
    return out;
  }

  /** Appends a node of any operator, in the table or not; results of unknown operators have no type. */
  node(
    opType: string,
    inputs: (Value | undefined)[],
    attributes: Readonly<Record<string, Attribute>>,
    outputs: number,
    domain = '',
  ): Value[] {
    const node = new Node(opType, inputs, [], attributes, domain);
    const types = inferNode(node);
    for (let i = 0; i < Math.max(outputs, types.length); i++) {
      const value = new Value(this.fresh(opType), types[i]?.dtype, types[i]?.shape);
      value.elements = types[i]?.elements;
      value.type = types[i]?.type;
      value.producer = node;
      node.outputs.push(value);
    }
    this.graph.nodes.push(node);
    return node.outputs;
  }

  /** Appends a typed operator by name, with attributes as plain values. */
  apply<K extends OpType>(type: K, inputs: (Value | undefined)[], attributes: Attributes<K>): Value[] {
    const spec: OpSpec = ops[type];
    return this.node(type, inputs, typedAttributes(type, attributes), spec.out === '...' ? 0 : (spec.out ?? 1));
  }

  private call(type: OpType, args: unknown[]): Value | Value[] {
    const spec: OpSpec = ops[type];
    const last = args.at(-1);
    const hasAttributes = typeof last === 'object' && last !== null && !(last instanceof Value) && !Array.isArray(last);
    const operands = (hasAttributes ? args.slice(0, -1) : args).flat() as (Operand | undefined)[];
    const typed = operands.find((o): o is Value => o instanceof Value && o.dtype !== undefined && o.dtype !== 'bool');
    const inputs = operands.map((o) => (typeof o === 'number' ? this.scalar(o, typed?.dtype) : o));
    while (inputs.length > 0 && inputs.at(-1) === undefined) inputs.pop();
    const results = this.apply(type, inputs, (hasAttributes ? last : {}) as Attributes<typeof type>);
    return (spec.out ?? 1) === 1 ? (results[0] as Value) : results;
  }

  private addInitializer(name: string, content: Tensor): Value {
    const value = new Value(name, content.dtype, content.dims);
    value.tensor = content;
    this.graph.initializers.push(value);
    return value;
  }

  private known(key: string): Value | undefined {
    return this.constants.get(key) ?? this.outer?.known(key);
  }

  /** A name nobody has: `<stem>_<n>`. */
  fresh(stem: string): string {
    let n = this.counters.get(stem) ?? 0;
    while (this.names.has(`${stem}_${n}`)) n++;
    this.counters.set(stem, n + 1);
    return this.claim(`${stem}_${n}`);
  }

  private claim(name: string): string {
    if (this.names.has(name))
      throw new OnnxError(`graph '${this.graph.name}': expected a new name, got '${name}' again`);
    this.names.add(name);
    return name;
  }
}

function takenNames(graph: Graph): Set<string> {
  const values = allGraphs(graph).flatMap((g) => [
    ...g.inputs,
    ...g.initializers,
    ...(g.sparse ?? []),
    ...g.nodes.flatMap((n) => n.outputs),
  ]);
  return new Set(values.map((v) => v.name));
}

const arrays: { readonly [D in Exclude<DType, 'string'>]: (value: number) => TensorArrays[D] } = {
  float32: (v) => Float32Array.of(v),
  float64: (v) => Float64Array.of(v),
  float16: (v) => Uint16Array.of(float16Bits(v)),
  bfloat16: (v) => Uint16Array.of(bfloat16Bits(v)),
  int8: (v) => Int8Array.of(v),
  int16: (v) => Int16Array.of(v),
  int32: (v) => Int32Array.of(v),
  int64: (v) => BigInt64Array.of(BigInt(v)),
  uint8: (v) => Uint8Array.of(v),
  uint16: (v) => Uint16Array.of(v),
  uint32: (v) => Uint32Array.of(v),
  uint64: (v) => BigUint64Array.of(BigInt(v)),
  bool: (v) => Uint8Array.of(v ? 1 : 0),
  complex64: (v) => Float32Array.of(v, 0),
  complex128: (v) => Float64Array.of(v, 0),
  uint4: (v) => Uint8Array.of(v),
  int4: (v) => Int8Array.of(v),
  uint2: (v) => Uint8Array.of(v),
  int2: (v) => Int8Array.of(v),
  float8e4m3fn: () => unsupportedScalar('float8e4m3fn'),
  float8e4m3fnuz: () => unsupportedScalar('float8e4m3fnuz'),
  float8e5m2: () => unsupportedScalar('float8e5m2'),
  float8e5m2fnuz: () => unsupportedScalar('float8e5m2fnuz'),
  float8e8m0: () => unsupportedScalar('float8e8m0'),
  float4e2m1: () => unsupportedScalar('float4e2m1'),
  float6e2m3: () => unsupportedScalar('float6e2m3'),
  float6e3m2: () => unsupportedScalar('float6e3m2'),
};

function unsupportedScalar(dtype: DType): never {
  throw new OnnxError(`scalar constant: expected a type with 16 bits or more, got ${dtype}; Cast a float32 one`);
}

/** A rank-0 tensor. */
export function scalarTensor(value: number, dtype: DType = 'float32'): Tensor {
  if (dtype === 'string') throw new OnnxError('scalar constant: expected a number type, got string');
  return tensor(dtype, [], arrays[dtype](value));
}

function typedAttributes(type: OpType, attributes: object): Record<string, Attribute> {
  const kinds = (ops[type] as OpSpec).attrs ?? {};
  return Object.fromEntries(
    Object.entries(attributes)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => {
        const kind = kinds[name]?.replace('!', '');
        if (!kind)
          throw new OnnxError(
            `${type}: expected one of its attributes (${Object.keys(kinds).join(', ')}), got '${name}'`,
          );
        return [name, { type: kind, value } as Attribute];
      }),
  );
}

/** Code of an element type, for `Cast`'s `to`. */
export const codeOf = (dtype: DType): number => dtypes[dtype].code;

/** True when a node's operator is in the table (and in ai.onnx). */
export const isTyped = (node: Node): boolean => node.domain === '' && isOpType(node.opType);
