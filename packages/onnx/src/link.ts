import type { DType } from './dtype.js';
import { OnnxError } from './errors.js';
import { type Attribute, type Graph, Node, Value } from './model.js';
import type { Shape } from './shape.js';
import type { Tensor } from './tensor.js';

/** Graphs inside graphs: deeper ones are refused. */
export const MAX_GRAPH_DEPTH = 32;

/** A name and what is known of the tensor. */
export interface ValueInfo {
  readonly name: string;
  readonly dtype: DType | undefined;
  readonly shape: Shape | undefined;
}

/** A node whose operands are names; an empty name is an absent one. */
export interface LooseNode {
  readonly opType: string;
  readonly domain: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly ValueInfo[];
  /** The attributes, with subgraphs linked in the scope of the node. */
  readonly attributes: (scope: Scope) => Record<string, Attribute>;
}

/** A graph as files hold it: values are names. */
export interface LooseGraph {
  readonly name: string;
  readonly inputs: readonly ValueInfo[];
  readonly initializers: readonly { readonly name: string; readonly tensor: Tensor }[];
  readonly nodes: readonly LooseNode[];
  readonly outputs: readonly string[];
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
  define(name: string, dtype?: DType, shape?: Shape): Value {
    const value = new Value(name, dtype, shape);
    if (name === '') return value;
    if (this.values.has(name)) {
      throw new OnnxError(`graph '${this.graph}': expected each name once, got '${name}' again`);
    }
    this.values.set(name, value);
    return value;
  }

  /** The value of a name, of this graph or one around it; throws when there is none. */
  use(name: string, user: string): Value {
    for (let scope: Scope | undefined = this; scope; scope = scope.outer) {
      const value = scope.values.get(name);
      if (value) return value;
    }
    throw new OnnxError(`graph '${this.graph}': expected '${name}' to be defined, got a use by ${user} only`);
  }
}

/** An initializer may be the default of an input; then both are one value. */
function linkInitializer(scope: Scope, name: string, content: Tensor): Value {
  const input = scope.own(name);
  const value = input && !input.tensor ? input : scope.define(name, content.dtype, content.dims);
  value.tensor = content;
  return value;
}

/** Makes values of names. Nodes may come in any order. Throws on names defined twice or never. */
export function link(graph: LooseGraph, outer?: Scope): Graph {
  const scope = new Scope(graph.name, outer);
  const inputs = graph.inputs.map((i) => scope.define(i.name, i.dtype, i.shape));
  const initializers = graph.initializers.map((i) => linkInitializer(scope, i.name, i.tensor));
  const results = graph.nodes.map((n) => n.outputs.map((o) => scope.define(o.name, o.dtype, o.shape)));
  const nodes = graph.nodes.map((n, i) => {
    const operands = n.inputs.map((name) => (name === '' ? undefined : scope.use(name, n.opType)));
    return new Node(n.opType, operands, results[i] ?? [], n.attributes(scope), n.domain, n.name);
  });
  const outputs = graph.outputs.map((name) => scope.use(name, 'the outputs'));
  return { name: graph.name, inputs, outputs, initializers, nodes };
}
