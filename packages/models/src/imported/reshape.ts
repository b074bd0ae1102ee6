import {
  type Dim,
  elementsOf,
  type Graph,
  type GraphBuilder,
  type Model,
  type Node,
  type Value,
} from '@neuroprune/onnx';
import type { Blocks, ImportedLayer } from './blocks.js';
import { isOp, rewrite } from './rewrite.js';
import type { Shapes } from './shapes.js';

/** One entry of a shape: a number, or where it is computed. */
type Entry = number | ((builder: GraphBuilder) => Value);

/** The axis of that size, or the neighbours that are as many together: rows of all texts. */
function runOf(from: readonly number[], size: number): readonly number[] | undefined {
  const at = from.indexOf(size);
  if (at >= 0) return [at];
  const pair = from.findIndex((first, axis) => first * (from[axis + 1] ?? 0) === size);
  return pair < 0 ? undefined : [pair, pair + 1];
}

/** What is known of sizes: those of a small batch, and where those of the model's own inputs are found, by their names. */
interface Known {
  readonly shapes: Shapes;
  readonly named: ReadonlyMap<Dim, Entry>;
}

const extentOf =
  (value: Value, axis: number): Entry =>
  ({ op }) =>
    op.Shape(value, { start: axis, end: axis + 1 });

const namedIn = ({ inputs }: Graph): Known['named'] =>
  new Map(
    [...inputs]
      .reverse()
      .flatMap((input) =>
        (input.shape ?? []).flatMap((size, axis) => (typeof size === 'string' ? [[size, extentOf(input, axis)]] : [])),
      ),
  );

/** The entries of a new target for a `Reshape` or `Expand` in which the axis of the heads is `rest`; undefined where there are none. */
function entriesOf(node: Node, headAxis: number, rest: number, { shapes, named }: Known): Entry[] | undefined {
  const [x, target] = node.inputs as [Value, Value];
  const [y] = node.outputs as [Value];
  const [from, to] = [shapes.get(x.name)!, shapes.get(y.name)!];
  const stated = target.elements ?? target.tensor?.data;
  // An `Expand` keeps an axis that is called 1, counted from the last; a `Reshape` one that is called 0.
  const [same, left] = node.opType === 'Expand' ? [1, to.length - from.length] : [0, 0];
  const entries = to.map((size, axis): Entry | undefined => {
    if (axis === headAxis) return rest;
    const known = y.shape?.[axis];
    if (typeof known === 'number') return known;
    const before = x.shape?.[axis - left];
    if (before !== null && before !== undefined && before === known) return same;
    const given = stated?.[axis];
    const own = named.get(known ?? null) ?? (typeof given === 'string' ? named.get(given) : undefined);
    if (own !== undefined) return own;
    if (given !== -1 && given !== -1n && given !== 0 && given !== 0n)
      return (b) => b.op.Slice(target, b.ints(axis), b.ints(axis + 1), b.ints(0));
    const run = runOf(from, size);
    return run && ((b) => run.map((at) => b.op.Shape(x, { start: at, end: at + 1 })).reduce((m, n) => b.op.Mul(m, n)));
  });
  return entries.every((entry) => entry !== undefined) ? entries : undefined;
}

/** How often a `Tile` repeats each axis, where numbers or sizes of inputs say so. */
function repeatsOf({ inputs: [, repeats] }: Node, { named }: Known): Entry[] | undefined {
  const entries = elementsOf(repeats)?.map((given) => (typeof given === 'number' ? given : named.get(given)));
  return entries?.every((entry) => entry !== undefined) ? entries : undefined;
}

type Written = (builder: GraphBuilder) => Value;

const written = (entries: readonly Entry[] | undefined): Written | undefined =>
  entries &&
  ((builder) => {
    if (entries.every((entry) => typeof entry === 'number')) return builder.ints(...entries);
    const parts = entries.map((entry) => (typeof entry === 'number' ? builder.ints(entry) : entry(builder)));
    return builder.op.Concat(parts, { axis: 0 });
  });

/** An index that is the same for all heads, as often as there are heads to pick from. */
function indexOf({ inputs }: Node, axis: number, { shapes }: Known): Written {
  const [data, index] = inputs as [Value, Value];
  const once = shapes.get(index.name)!.map((size, at) => (at === axis ? 1 : size));
  const spread = isOp(index.producer, 'Expand') ? index.producer.inputs[0] : undefined;
  const isOnce = spread && shapes.get(spread.name)?.join() === once.join();
  const target = written(once.map((_, at) => (at === axis ? extentOf(data, axis) : 1)))!;
  return (builder) => {
    const { op } = builder;
    const one = isOnce ? spread : op.Slice(index, builder.ints(0), builder.ints(1), builder.ints(axis));
    return op.Expand(one, target(builder));
  };
}

/** The second operand that a node with heads gets, on the axis that they lie on; undefined where nothing says the other axes. */
const operands: Readonly<Record<string, (node: Node, axis: number, known: Known) => Written | undefined>> = {
  Reshape: (node, axis, known) => written(entriesOf(node, axis, -1, known)),
  Expand: (node, axis, known) => written(entriesOf(node, axis, 1, known)),
  Tile: (node, _, known) => written(repeatsOf(node, known)),
  GatherElements: indexOf,
};

/**
 * Makes the shapes inside attentions follow the weights: the axis of the heads is what the other axes leave, so that a
 * layer with fewer heads needs no other graph. Layers where that cannot be said are no longer among the blocks.
 */
export function followWeights(model: Model, shapes: Shapes, { layers, unknown }: Blocks): Blocks {
  const targets = new Map<Node, Written>();
  const known = { shapes, named: namedIn(model.graph) };
  const problem = ({ groups, sites }: ImportedLayer): string | undefined => {
    const all = sites.flatMap(({ attention }) => attention.reshapes);
    const found = all.map(([node, place]) => [node, operands[node.opType]!(node, place.axis, known)] as const);
    const bad = found.find(([, operand]) => operand === undefined);
    if (bad) return `${groups.layer}: ${bad[0].opType} '${bad[0].name}' does not say how long the sequence is`;
    for (const [node, operand] of found) targets.set(node, operand!);
    return undefined;
  };
  const problems = layers.map(problem);
  rewriteTargets(model, targets);
  return {
    layers: layers.filter((_, i) => problems[i] === undefined),
    unknown: [...unknown, ...problems.filter((text) => text !== undefined)],
  };
}

/** Gives nodes other targets, in place: values and nodes stay the ones that blocks name. */
function rewriteTargets(model: Model, targets: ReadonlyMap<Node, Written>): void {
  const { graph } = model;
  rewrite(graph, (node, builder) => {
    const operand = targets.get(node);
    if (operand) node.inputs[1] = operand(builder);
    return undefined;
  });
}
