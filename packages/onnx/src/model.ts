import type { DType } from './dtype.js';
import type { Dim, Shape } from './shape.js';
import type { Tensor } from './tensor.js';

/** An attribute with its ONNX type beside the value; a subgraph may use values of the graphs around it. */
export type Attribute =
  | { readonly type: 'float' | 'int'; readonly value: number }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'floats' | 'ints'; readonly value: readonly number[] }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'tensor'; readonly value: Tensor }
  | { readonly type: 'graph'; readonly value: Graph };

/** A tensor in a graph: an input, an initializer (`tensor` set) or a node's output. Identity is object identity; the name is a label. */
export class Value {
  /** The node that makes this value; undefined for inputs and initializers. */
  producer: Node | undefined;
  /** The constant value, for initializers. */
  tensor: Tensor | undefined;
  /** What is known of the elements of a small integer vector (a computed shape). */
  elements: readonly Dim[] | undefined;

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

/** A graph in execution order. `initializers` all have a `tensor`. */
export interface Graph {
  name: string;
  inputs: Value[];
  outputs: Value[];
  initializers: Value[];
  nodes: Node[];
}

/** A graph with the operator sets it is written in (domain → version, '' is ai.onnx) and free metadata. */
export interface Model {
  graph: Graph;
  irVersion: number;
  opsets: Record<string, number>;
  metadata: Record<string, string>;
  producer: string;
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

/** The graphs directly inside a node (bodies of `Loop`, branches of `If`). */
export const subgraphs = (node: Node): Graph[] =>
  Object.values(node.attributes).flatMap((a) => (a.type === 'graph' ? [a.value] : []));

/** Every graph of a model, outer ones first. */
export function allGraphs(graph: Graph): Graph[] {
  return [graph, ...graph.nodes.flatMap((node) => subgraphs(node).flatMap(allGraphs))];
}
