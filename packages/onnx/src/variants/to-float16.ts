import { codeOf } from '../builder.js';
import { OnnxError } from '../errors.js';
import { float16Array } from '../half.js';
import { inferModel } from '../infer/infer.js';
import { allGraphs, type Graph, type Model, Node, subgraphs, Value } from '../model.js';
import { reads } from '../order.js';
import { eliminateDeadCode } from '../passes/dead-code.js';
import { type PassResult, replaceOperands } from '../passes/pass.js';
import { sizeOf, type Tensor } from '../tensor.js';
import { Constants } from './constants.js';
import { wideNodes } from './float16-places.js';
import { lazyTensor } from './lazy-tensor.js';

type Width = 'float16' | 'float32';

/** Elements from which on a constant that is read in both types is stored in float16 alone, and read in float32 by a `Cast`. */
const LEAST_SHARED = 64;

const float16Tensor = (content: Tensor<'float32'>): Tensor<'float16'> =>
  lazyTensor('float16', content.dims, () => float16Array(content.data));

/** The float32 values of a graph and those inside it, before any is changed. */
function floatsOf(root: Graph): ReadonlySet<Value> {
  const values = allGraphs(root).flatMap((g) => [
    ...g.inputs,
    ...g.initializers,
    ...(g.sparse ?? []),
    ...g.nodes.flatMap((n) => n.outputs),
  ]);
  return new Set(values.filter((v) => v.dtype === 'float32'));
}

/** Puts the nodes of one graph in order again, with a `Cast` wherever a value is read in another type than it has. */
class Float16Writer {
  private readonly nodes: Node[] = [];
  private readonly floats: ReadonlySet<Value>;
  /** Values that are float16 now. */
  private readonly narrow = new Set<Value>();
  private readonly casts: Readonly<Record<Width, Map<Value, Value>>> = { float16: new Map(), float32: new Map() };
  private readonly twins = new Map<Value, Value>();
  /** Constants that are read in float16 by some node. */
  private readonly readNarrow = new Set<Value>();
  private readonly constants: Constants;

  constructor(private readonly graph: Graph) {
    this.floats = floatsOf(graph);
    this.constants = new Constants(graph);
  }

  write(): void {
    const { graph } = this;
    const wide = wideNodes(graph, (v) => this.floats.has(v));
    const order = graph.nodes;
    for (const node of order) if (!wide.has(node)) for (const v of node.inputs) if (v?.tensor) this.readNarrow.add(v);
    graph.nodes = this.nodes;
    for (const node of order) this.place(node, wide.has(node) ? 'float32' : 'float16');
    graph.outputs = graph.outputs.map((v) => this.output(v));
    this.nameTwins();
  }

  private place(node: Node, width: Width): void {
    const operand = (v: Value | undefined) => v && (this.floats.has(v) ? this.as(v, width) : known(v, node, width));
    node.inputs.forEach((v, i) => {
      node.inputs[i] = operand(v);
    });
    if (subgraphs(node).length > 0) this.widenInner(node);
    const placed = width === 'float16' ? castToFloat16(node) : node;
    this.nodes.push(placed);
    if (width === 'float32') return;
    for (const output of placed.outputs) {
      if (!this.floats.has(output)) continue;
      output.dtype = 'float16';
      this.narrow.add(output);
    }
  }

  /** What the graphs inside a node take from outside stays float32. */
  private widenInner(node: Node): void {
    const outer = reads(node).filter((v) => this.narrow.has(v));
    const replacements = new Map(outer.map((v) => [v, this.as(v, 'float32')]));
    for (const inner of subgraphs(node)) replaceOperands(inner, replacements);
  }

  /** The value in a type: itself, its float16 twin where it is constant, or a `Cast` of it. */
  private as(value: Value, width: Width): Value {
    const isConstant = value.tensor !== undefined && !this.graph.inputs.includes(value);
    if (isConstant && width === 'float32' && this.isStoredOnce(value)) return this.cached(this.twin(value), 'float32');
    if ((this.narrow.has(value) ? 'float16' : 'float32') === width) return value;
    if (isConstant) return this.twin(value);
    return this.cached(value, width);
  }

  /** Whether a constant that is read in both types lies there in float16 alone. */
  private isStoredOnce(value: Value): boolean {
    return this.readNarrow.has(value) && sizeOf((value.tensor as Tensor).dims) >= LEAST_SHARED;
  }

  private cached(value: Value, width: Width): Value {
    const known = this.casts[width].get(value);
    if (known) return known;
    const made = this.cast(value, width, this.constants.free(`${value.name}_${width}`));
    this.casts[width].set(value, made);
    return made;
  }

  private cast(value: Value, width: Width, name: string): Value {
    const made = new Value(name, width, value.shape);
    this.nodes.push(new Node('Cast', [value], [made], { to: { type: 'int', value: codeOf(width) } }));
    return made;
  }

  private twin(value: Value): Value {
    const known = this.twins.get(value);
    if (known) return known;
    const content = value.tensor as Tensor<'float32'>;
    const made = this.constants.add(`${value.name}_float16`, float16Tensor(content));
    this.twins.set(value, made);
    return made;
  }

  /** Outputs stay float32 and keep their names. */
  private output(value: Value): Value {
    if (!this.narrow.has(value)) return value;
    const { name } = value;
    value.name = this.constants.free(`${name}_float16`);
    return this.cast(value, 'float32', name);
  }

  /** A constant that is read in float16 alone keeps its name. */
  private nameTwins(): void {
    const read = new Set(this.nodes.flatMap(reads));
    for (const [value, twin] of this.twins)
      if (!read.has(value) && !this.graph.outputs.includes(value)) twin.name = value.name;
  }
}

/** A node that turns something into float32 turns it into float16. */
function castToFloat16(node: Node): Node {
  const { to } = node.attributes;
  if (node.opType !== 'Cast' || to?.type !== 'int' || to.value !== codeOf('float32')) return node;
  const changed = { ...node.attributes, to: { type: 'int', value: codeOf('float16') } as const };
  return Object.assign(new Node('Cast', node.inputs, node.outputs, changed, node.domain, node.name), {
    notes: node.notes,
  });
}

function known(value: Value, node: Node, width: Width): Value {
  if (value.dtype || value.type || width === 'float32') return value;
  const where = `${node.opType}${node.name ? `, node '${node.name}'` : ''}`;
  throw new OnnxError(`toFloat16: '${value.name}': expected a known element type, got none (${where})`);
}

/**
 * Computes in float16 what was float32, weights included; inputs and outputs keep their types. What overflows there or
 * needs more digits stays in float32 (softmax with the masks added before it, sums and norms written out, angles,
 * conversions to whole numbers, unknown operators and graphs inside nodes), with a `Cast` in between; layer normalization
 * keeps its sums in float32 by `stash_type`. Constants beyond the range become ±65504. In place; a model without float32
 * is left alone.
 */
export function toFloat16(model: Model): PassResult {
  inferModel(model);
  const modified = model.graph.nodes.some((n) => n.outputs.some((v) => v.dtype === 'float32'));
  if (modified) new Float16Writer(model.graph).write();
  eliminateDeadCode(model);
  return { model, modified };
}
