import type { DType } from './dtype.js';
import { OnnxError } from './errors.js';
import { type Attribute, allGraphs, type Graph, Node, type Quantization, Value } from './model.js';
import type { Notes } from './notes.js';
import { inOrder } from './order.js';
import type { Shape } from './shape.js';
import type { SparseTensor, Tensor } from './tensor.js';
import type { OtherType } from './value-type.js';

/** Graphs inside graphs: deeper ones are refused. */
export const MAX_GRAPH_DEPTH = 32;

/** A name and what is known of the value. */
export interface ValueInfo {
  readonly name: string;
  readonly dtype: DType | undefined;
  readonly shape: Shape | undefined;
  readonly type?: OtherType | undefined;
  readonly notes?: Notes | undefined;
}

/** A node whose operands are names; an empty name is an absent one. */
export interface LooseNode {
  readonly opType: string;
  readonly domain: string;
  readonly overload: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly ValueInfo[];
  /** The attributes, with subgraphs linked in the scope of the node. */
  readonly attributes: (scope: Scope) => Record<string, Attribute>;
  readonly notes: Notes | undefined;
}

/** How a tensor was quantized, by names. */
export interface LooseQuantization {
  readonly value: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** A graph as files hold it: values are names. */
export interface LooseGraph {
  readonly name: string;
  readonly inputs: readonly ValueInfo[];
  readonly initializers: readonly { readonly name: string; readonly tensor: Tensor }[];
  readonly sparse: readonly { readonly name: string; readonly sparse: SparseTensor }[];
  readonly nodes: readonly LooseNode[];
  readonly outputs: readonly string[];
  readonly quantization: readonly LooseQuantization[];
  readonly notes: Notes | undefined;
}

/** The names a graph sees: its own, then those of the graphs around it. */
export class Scope {
  private readonly values = new Map<string, Value>();
  private readonly depth: number;

  constructor(
    private readonly graph: string,
    private readonly outer: Scope | undefined,
  ) {
    this.depth = (outer?.depth ?? 0) + 1;
    if (this.depth > MAX_GRAPH_DEPTH)
      throw new OnnxError(`graph: expected at most ${MAX_GRAPH_DEPTH} levels, got more`);
  }

  /** The value of this name in this very graph. */
  own(name: string): Value | undefined {
    return this.values.get(name);
  }

  /** Adds a value; throws when the graph has one of that name. Nameless values are only made. */
  define({ name, dtype, shape, type, notes }: ValueInfo): Value {
    const value = new Value(name, dtype, shape);
    value.type = type;
    value.notes = notes;
    if (name === '') return value;
    if (this.values.has(name)) {
      throw new OnnxError(`graph '${this.graph}': expected each name once, got '${name}' again`);
    }
    this.values.set(name, value);
    return value;
  }

  /** The value of a name, of this graph or one around it; undefined when there is none. */
  find(name: string): Value | undefined {
    for (let scope: Scope | undefined = this; scope; scope = scope.outer) {
      const value = scope.values.get(name);
      if (value) return value;
    }
    return undefined;
  }

  /** The value of a name, of this graph or one around it; throws when there is none. */
  use(name: string, user: string): Value {
    const value = this.find(name);
    if (value) return value;
    throw new OnnxError(`graph '${this.graph}': expected '${name}' to be defined, got a use by ${user} only`);
  }
}

/** The value of an initializer. It may be the default of an input; then both are one value. */
function initialized(scope: Scope, name: string, dtype: DType, dims: readonly number[]): Value {
  if (name === '') throw new OnnxError('initializer: expected a name, got none');
  const input = scope.own(name);
  const isFree = input && !input.tensor && !input.sparse;
  return isFree ? input : scope.define({ name, dtype, shape: dims });
}

function linkInitializer(scope: Scope, name: string, content: Tensor): Value {
  const value = initialized(scope, name, content.dtype, content.dims);
  value.tensor = content;
  return value;
}

function linkSparse(scope: Scope, name: string, content: SparseTensor): Value {
  const value = initialized(scope, name, content.values.dtype, content.dims);
  value.sparse = content;
  return value;
}

function linkQuantization(scope: Scope, { value, parameters }: LooseQuantization): Quantization {
  const find = (name: string) => scope.find(name) ?? name;
  const entries = Object.entries(parameters).map(([role, name]) => [role, find(name)] as const);
  return { value: find(value), parameters: Object.fromEntries(entries) };
}

function linkNode(scope: Scope, n: LooseNode, outputs: Value[]): Node {
  const operands = n.inputs.map((name) => (name === '' ? undefined : scope.use(name, n.opType)));
  const node = new Node(n.opType, operands, outputs, n.attributes(scope), n.domain, n.name);
  node.overload = n.overload;
  node.notes = n.notes;
  return node;
}

/** Makes values of names. Nodes may come in any order. Throws on names defined twice or never, and on cycles. */
export function link(graph: LooseGraph, outer?: Scope): Graph {
  const scope = new Scope(graph.name, outer);
  const inputs = graph.inputs.map((i) => scope.define(i));
  const initializers = graph.initializers.map((i) => linkInitializer(scope, i.name, i.tensor));
  const sparse = graph.sparse.map((i) => linkSparse(scope, i.name, i.sparse));
  const results = graph.nodes.map((n) => n.outputs.map((o) => scope.define(o)));
  const nodes = graph.nodes.map((n, i) => linkNode(scope, n, results[i] ?? []));
  const outputs = graph.outputs.map((name) => scope.use(name, 'the outputs'));
  const quantization = graph.quantization.map((q) => linkQuantization(scope, q));
  const linked: Graph = {
    ...{ name: graph.name, inputs, outputs, initializers, nodes },
    ...(sparse.length > 0 && { sparse }),
    ...(quantization.length > 0 && { quantization }),
    ...(graph.notes && { notes: graph.notes }),
  };
  // Once for the outermost graph, since a cycle may lead through graphs inside.
  if (!outer) allGraphs(linked).forEach(inOrder);
  return linked;
}
