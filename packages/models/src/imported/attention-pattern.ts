import type { Model, Node, Value } from '@neuroprune/onnx';
import { follow, type Place } from './follow.js';
import type { Linear } from './linear.js';
import { intAttribute, isOp, readersOf } from './rewrite.js';
import type { Shapes } from './shapes.js';
import { fedValues, nearest, nextNodes, sourcesOf } from './walk.js';

/** An attention found in a graph. */
export interface AttentionBlock {
  readonly query: Linear;
  readonly key: Linear;
  readonly value: Linear;
  readonly output: Linear;
  /** Query and key maps of a table of relative positions, by the weights of query and key (disentangled attention). */
  readonly positions: readonly Linear[];
  /** Heads of keys and values. */
  readonly heads: number;
  /** Query heads that share one of them. */
  readonly queries: number;
  /** Dimensions of a head. */
  readonly size: number;
  /** Probabilities, [batch, heads, queries, keys]. */
  readonly weights: Value;
  /** Nodes whose target shapes name the heads, with where they lie in the result. */
  readonly reshapes: readonly (readonly [Node, Place])[];
}

/** Something like a block that is left as it is, and why. */
export interface Unknown {
  readonly where: string;
  readonly reason: string;
}

/** What patterns are looked for in. */
export interface Search {
  readonly model: Model;
  readonly shapes: Shapes;
  readonly linears: readonly Linear[];
}

/** Arithmetic on scores: scaling, masks, biases, their types. */
const AROUND_SCORES = [
  ...['Add', 'Sub', 'Mul', 'Div', 'Where', 'Cast', 'CastLike', 'Reshape', 'Tanh', 'Max', 'Min', 'Identity'],
  ...['Dropout', 'Clip', 'Unsqueeze', 'Squeeze', 'Transpose', 'Expand', 'GatherElements'],
] as const;

/** Every attention: a softmax over the last axis between two products of what layers give. */
export function findAttention({ model, shapes, linears }: Search): (AttentionBlock | Unknown)[] {
  const { graph } = model;
  const readers = readersOf(graph);
  const fed = fedValues(graph);
  const byResult = new Map(linears.map((linear) => [linear.y, linear]));
  const byInput = new Map<Value, Linear[]>();
  for (const linear of linears) byInput.set(linear.x, [...(byInput.get(linear.x) ?? []), linear]);
  const passes = (node: Node) => isOp(node, ...AROUND_SCORES);
  const sources = (value: Value | undefined) => (value ? sourcesOf(value, byResult) : []);
  const layerOf = (operand: Value | undefined) => {
    const found = sources(operand);
    return found.length === 1 ? found[0] : undefined;
  };
  const isFed = ({ x }: Linear) => fed.has(x);
  const isProduct = (node: Node) =>
    isOp(node, 'MatMul') && node.inputs.every((v) => v !== undefined && !v.tensor && sources(v).length > 0);

  const blockAt = (softmax: Node): AttentionBlock | string | undefined => {
    const scores = nearest(softmax.inputs[0]!, isProduct, passes);
    if (scores.length === 0) return undefined; // no attention: probabilities of something else
    const weights = softmax.outputs[0]!;
    const contexts = nextNodes(weights, readers, (node) => isProduct(node), passes);
    if (contexts.length !== 1) return `its probabilities go into ${contexts.length} products, not one`;
    const [context] = contexts as [Node];
    const outputs = nextNodes(context.outputs[0]!, readers, (_, v) => byInput.has(v), passes);
    const output = linears.find((linear) => isReached(linear, outputs));
    if (!output) return 'no linear layer reads what it gives';
    const value = layerOf(context.inputs[1]);
    const products = scores.map(({ inputs }): readonly (Linear | undefined)[] => inputs.map(layerOf));
    if (!value || !products.every(isPair)) return 'query, key or value come from more than one linear layer';
    const [content, ...others] = products.length === 1 ? products : products.filter((pair) => pair.every(isFed));
    if (!content || others.length > 0) return `its scores are the sum of ${scores.length} products`;
    const [query, key] = content;
    const positions = products.flat().filter((linear) => linear !== query && linear !== key);
    if (!positions.every(({ weight }) => weight === query.weight || weight === key.weight))
      return 'its positions have maps of their own';
    return described({ query, key, value, output, weights, positions });
  };

  const described = (
    found: Omit<AttentionBlock, 'heads' | 'queries' | 'size' | 'reshapes'>,
  ): AttentionBlock | string => {
    const { query, key, value, output, positions } = found;
    const [all, heads] = [query, key].map((linear) => headCount(linear, readers, shapes));
    if (all === undefined || heads === undefined) return 'no shape says how many heads there are';
    const [size, queries] = [extent(key) / heads, all / heads];
    if (extent(query) !== all * size || extent(value) !== extent(key) || !Number.isInteger(queries))
      return 'queries, keys and values have heads of different sizes';
    if (new Set([query.weight, key.weight, value.weight]).size < 3) return 'query, key and value share weights';
    const last = ({ y }: Linear) => shapes.get(y.name)!.length - 1;
    const start = (l: Linear, inner: number) => [l.y, { axis: last(l), outer: 1, inner }] as const;
    const inner = ({ weight }: Linear) => (weight === query.weight ? queries * size : size);
    const starts = new Map([query, key, value, ...positions].map((l) => start(l, inner(l))));
    const followed = follow(graph, shapes, starts, new Set([output.entry]), heads);
    if (followed.problem) return followed.problem;
    const end = followed.places.get(output.x);
    const fits =
      end && end.outer === 1 && end.inner === queries * size && end.axis === shapes.get(output.x.name)!.length - 1;
    if (!fits) return 'the output layer does not read the heads one after another';
    const reshapes = followed.reshapes.map((node) => [node, followed.places.get(node.outputs[0]!)!] as const);
    return { ...found, heads, queries, size, reshapes };
  };

  return graph.nodes.flatMap((node) => {
    if (!isOp(node, 'Softmax')) return [];
    const rank = shapes.get(node.outputs[0]!.name)?.length ?? 0;
    if (![-1, rank - 1].includes(intAttribute(node, 'axis', -1))) return [];
    const block = blockAt(node);
    if (block === undefined) return [];
    return [typeof block === 'string' ? { where: placeOf(node), reason: block } : block];
  });
}

const isPair = (layers: readonly (Linear | undefined)[]): layers is readonly [Linear, Linear] =>
  layers.length === 2 && !layers.includes(undefined);

/** What a node is called in messages. */
export const placeOf = (node: Node): string => node.name || node.outputs[0]?.name || node.opType;

const extent = ({ weight }: Linear): number => weight.tensor!.dims[0]!;

/** True where one of the nodes is the first of the layer. */
const isReached = ({ entry }: Linear, nodes: readonly Node[]): boolean => nodes.includes(entry);

/** The first shape after a layer that takes its last axis apart says the number of heads. */
function headCount({ y, weight }: Linear, readers: ReadonlyMap<Value, readonly Node[]>, shapes: Shapes) {
  const width = weight.tensor!.dims[0]!;
  const splits = (node: Node): boolean => {
    const dims = shapes.get(node.outputs[0]!.name) ?? [];
    return isOp(node, 'Reshape') && dims.length > 1 && dims.at(-1)! < width && dims.at(-1)! * dims.at(-2)! === width;
  };
  const [found] = nextNodes(y, readers, splits, (node) =>
    isOp(node, 'Add', 'Mul', 'Div', 'Cast', 'Reshape', 'Identity'),
  );
  return found && shapes.get(found.outputs[0]!.name)?.at(-2);
}
