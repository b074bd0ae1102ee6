import type { DType } from './dtype.js';
import type { Notes } from './notes.js';
import type { Dim, Shape } from './shape.js';
import type { SparseTensor, Tensor } from './tensor.js';
import type { OtherType, ValueType } from './value-type.js';

/** The value of an attribute with its ONNX type beside it. */
export type AttributeValue =
  | { readonly type: 'float'; readonly value: number }
  /** `exact` is there when the integer is beyond 2^53 and `value` only near it. */
  | { readonly type: 'int'; readonly value: number; readonly exact?: bigint | undefined }
  /** Bytes that are no UTF-8 stand as lone surrogates, U+DC80 to U+DCFF. */
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'floats'; readonly value: readonly number[] }
  | { readonly type: 'ints'; readonly value: readonly number[]; readonly exact?: readonly bigint[] | undefined }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'tensor'; readonly value: Tensor }
  | { readonly type: 'tensors'; readonly value: readonly Tensor[] }
  | { readonly type: 'graph'; readonly value: Graph }
  | { readonly type: 'graphs'; readonly value: readonly Graph[] }
  | { readonly type: 'sparse'; readonly value: SparseTensor }
  | { readonly type: 'sparses'; readonly value: readonly SparseTensor[] }
  | { readonly type: 'type'; readonly value: ValueType | undefined }
  | { readonly type: 'types'; readonly value: readonly (ValueType | undefined)[] }
  /** In a function: the attribute of this name that the call is given, of type `of`. */
  | { readonly type: 'reference'; readonly value: string; readonly of: AttributeType };

/** The types an attribute's value may have. */
export type AttributeType = Exclude<AttributeValue['type'], 'reference'>;

/** An attribute of a node; a subgraph may use values of the graphs around it. */
export type Attribute = AttributeValue & { readonly doc?: string | undefined };

/** A value in a graph: an input, an initializer (`tensor` or `sparse` set) or a node's output. Identity is object identity; the name is a label. */
export class Value {
  /** The node that makes this value; undefined for inputs and initializers. */
  producer: Node | undefined;
  /** The constant value, for initializers. */
  tensor: Tensor | undefined;
  /** The constant value, for sparse initializers; to nodes it is a dense tensor. */
  sparse: SparseTensor | undefined;
  /** What is known of the elements of a small integer vector (a computed shape). */
  elements: readonly Dim[] | undefined;
  /** The type when it is not a dense tensor; `dtype` and `shape` are undefined then. */
  type: OtherType | undefined;
  notes: Notes | undefined;

  constructor(
    public name: string,
    public dtype?: DType,
    public shape?: Shape,
  ) {}

  /** Number of dimensions; throws when the shape is unknown. */
  get rank(): number {
    if (!this.shape) throw new Error(`internal: the rank of '${this.name}' is unknown`);
    return this.shape.length;
  }
}

/** One application of an operator. It owns its outputs. */
export class Node {
  /** Which of the functions of one name is meant. */
  overload = '';
  notes: Notes | undefined;

  constructor(
    readonly opType: string,
    readonly inputs: (Value | undefined)[],
    readonly outputs: Value[],
    readonly attributes: Readonly<Record<string, Attribute>> = {},
    readonly domain: string = '',
    public name: string = '',
  ) {
    for (const output of outputs) output.producer = this;
  }
}

/** How a tensor was quantized: for each role (`SCALE_TENSOR`) the value that holds it. Names that nothing has stay names. */
export interface Quantization {
  readonly value: Value | string;
  readonly parameters: Readonly<Record<string, Value | string>>;
}

/** A graph in execution order. `initializers` all have a `tensor`. */
export interface Graph {
  name: string;
  inputs: Value[];
  outputs: Value[];
  initializers: Value[];
  nodes: Node[];
  /** Initializers that have a `sparse` instead. */
  sparse?: Value[] | undefined;
  quantization?: Quantization[] | undefined;
  notes?: Notes | undefined;
}

/**
 * An operator defined by nodes, called by `domain` and `graph.name`. Its graph has no initializers and sees no value
 * outside; its inputs may be left out by a call.
 */
export interface ModelFunction {
  domain: string;
  overload: string;
  graph: Graph;
  /** Attributes that a call must give. */
  attributes: readonly string[];
  /** Attributes that a call may give, with what they are else. */
  defaults: Readonly<Record<string, Attribute>>;
  opsets: Record<string, number>;
}

/** A graph with the operator sets it is written in (domain → version, '' is ai.onnx) and free metadata. */
export interface Model {
  graph: Graph;
  irVersion: number;
  opsets: Record<string, number>;
  metadata: Record<string, string>;
  producer: string;
  producerVersion?: string | undefined;
  /** Name space of the model itself. */
  domain?: string | undefined;
  version?: number | undefined;
  functions?: ModelFunction[] | undefined;
  /** Among the unknown fields: training information, which names values but is not looked into. */
  notes?: Omit<Notes, 'metadata'> | undefined;
}

/** The operator set our builder writes: 20 has `Gelu`, and reductions take axes as inputs. */
export const OPSET = 20;

/** An empty graph. */
export const emptyGraph = (name: string): Graph => ({ name, inputs: [], outputs: [], initializers: [], nodes: [] });

/** A model around a graph, in the builder's operator set. */
export const modelOf = (graph: Graph, metadata: Record<string, string> = {}): Model => ({
  graph,
  irVersion: 9,
  opsets: { '': OPSET },
  metadata,
  producer: 'neuroprune',
});

function graphsOf(a: Attribute): readonly Graph[] {
  if (a.type === 'graph') return [a.value];
  return a.type === 'graphs' ? a.value : [];
}

/** The graphs directly inside a node (bodies of `Loop` and `Scan`, branches of `If`). */
export const subgraphs = (node: Node): Graph[] => Object.values(node.attributes).flatMap(graphsOf);

/** A graph and every graph inside it, outer ones first. */
export function allGraphs(graph: Graph): Graph[] {
  return [graph, ...graph.nodes.flatMap((node) => subgraphs(node).flatMap(allGraphs))];
}

/** The graphs of a model that see nothing around them: its own, then those of its functions. */
export const rootGraphs = (model: Model): Graph[] => [model.graph, ...(model.functions ?? []).map((f) => f.graph)];
