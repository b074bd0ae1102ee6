/**
 * Products that share an operand as one: where several `Gemm` nodes map the same rows by trained matrices of one shape
 * (query, key and value; gate and up), their weights become one matrix, so that forward and backward take one product
 * each. The joined matrix is a run of neighbours in a stack; the members stay parameters of their own names.
 */
import { type Attribute, type GraphBuilder, Node, Value } from '@neuroprune/onnx';
import { splitByHeads } from './heads.js';

/** Parameters that the graph reads as one value: one of them, or several of a shape one above the other. */
export interface Unit {
  readonly members: readonly Value[];
  /** [members · first axis, …]; the parameter itself where it is alone. */
  readonly whole: Value;
}

/** Joins products; returns all parameters as units, in their order. `traitsOf` is equal for those that may share a stack. */
export function joinProducts(
  builder: GraphBuilder,
  parameters: readonly Value[],
  traitsOf: (parameter: Value) => string,
): Unit[] {
  const trained = new Set(parameters);
  const joined = new Map<Value, Unit>();
  for (const products of alike(builder.graph.nodes, trained, traitsOf)) {
    const operands = [1, 2].flatMap((i) => {
      const members = products.map(({ inputs }) => inputs[i]).filter((v) => v !== undefined);
      return members.length > 0 ? [members] : [];
    });
    const units = operands.map((members) => ({ members, whole: stacked(builder, members) }));
    for (const unit of units) for (const member of unit.members) joined.set(member, unit);
    replace(
      builder,
      products,
      units.map(({ whole }) => whole),
    );
  }
  const units = parameters.map((value) => joined.get(value) ?? { members: [value], whole: value });
  return [...new Set(units)];
}

/** Groups of products of the same rows by trained matrices of one shape and kind, each used as such once. */
function alike(nodes: readonly Node[], trained: ReadonlySet<Value>, traitsOf: (v: Value) => string): Node[][] {
  const products = nodes.filter((node) => isLinear(node, trained));
  const uses = new Map<Value, number>();
  for (const { inputs } of products) for (const v of inputs) if (v) uses.set(v, (uses.get(v) ?? 0) + 1);
  const ids = new Map<Value | undefined, number>();
  const groups = new Map<string, Node[]>();
  for (const product of products) {
    const [x, ...operands] = product.inputs as Value[];
    if (operands.some((v) => uses.get(v) !== 1)) continue;
    ids.set(x, ids.get(x) ?? ids.size);
    const key = [ids.get(x), ...operands.map((v) => `${v.shape} ${traitsOf(v)}`)].join(' | ');
    groups.set(key, [...(groups.get(key) ?? []), product]);
  }
  return [...groups.values()].filter(({ length }) => length > 1);
}

/** x·Wᵀ + b with trained W and, if there is one, trained b. */
function isLinear({ opType, domain, inputs: [, w, b], attributes }: Node, trained: ReadonlySet<Value>): boolean {
  const { transB, ...rest } = attributes;
  const isPlain = Object.entries(rest).every(([name, { value }]) => value === (name === 'transA' ? 0 : 1));
  const isOwn = (v: Value | undefined) => v !== undefined && trained.has(v);
  return opType === 'Gemm' && domain === '' && transB?.value === 1 && isPlain && isOwn(w) && (!b || isVector(b, isOwn));
}

const isVector = (b: Value, isOwn: (v: Value) => boolean): boolean => isOwn(b) && b.shape?.length === 1;

/** A value whose equal pieces the members are; they are cut from it only where something else reads them. */
function stacked(builder: GraphBuilder, members: readonly Value[]): Value {
  const [first] = members as readonly [Value];
  const [rows = 1, ...rest] = first.shape as readonly number[];
  const whole = new Value(builder.fresh('joined'), first.dtype, [rows * members.length, ...rest]);
  builder.graph.nodes.unshift(new Node('Split', [whole], [...members], equalPieces(members.length, 0)));
  return whole;
}

/** Attributes of a `Split` into equal pieces. */
const equalPieces = (count: number, axis: number): Record<string, Attribute> => ({
  axis: { type: 'int', value: axis },
  num_outputs: { type: 'int', value: count },
});

/** One product in the first one's place, cut into the results of all. */
function replace(builder: GraphBuilder, products: readonly Node[], operands: readonly Value[]): void {
  const { graph } = builder;
  const [first] = products as readonly [Node];
  const results = products.map(({ outputs }) => outputs[0] as Value);
  const [rows = null, columns] = results[0]?.shape ?? [];
  const shape = [rows, (columns as number) * products.length];
  const y = new Value(builder.fresh('Gemm'), results[0]?.dtype, shape);
  const product = new Node('Gemm', [first.inputs[0], ...operands], [y], first.attributes, '', first.name);
  const split = new Node('Split', [y], results, equalPieces(products.length, 1));
  graph.nodes.splice(graph.nodes.indexOf(first), 1, product, split);
  graph.nodes = graph.nodes.filter((node) => !products.includes(node));
  splitByHeads(builder, split);
}
