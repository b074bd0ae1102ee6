import type { GraphBuilder, Model, Node, Value } from '@neuroprune/onnx';
import type { Blocks, ImportedLayer } from './blocks.js';
import type { Place } from './follow.js';
import { rewrite } from './rewrite.js';
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

/** The entries of a new target for a `Reshape` in which the axis of the heads is what is left; undefined where there is none. */
function entriesOf(node: Node, place: Place, shapes: Shapes): Entry[] | undefined {
  const [x, target] = node.inputs as [Value, Value];
  const [y] = node.outputs as [Value];
  const [from, to] = [shapes.get(x.name)!, shapes.get(y.name)!];
  const stated = target.elements ?? target.tensor?.data;
  const left = to.length - from.length;
  // A `Reshape` keeps an axis that is called 0, an `Expand` one that is called 1.
  const [rest, same] = node.opType === 'Expand' ? [1, 1] : [-1, 0];
  const entries = to.map((size, axis): Entry | undefined => {
    if (axis === place.axis) return rest;
    const known = y.shape?.[axis];
    if (typeof known === 'number') return known;
    const before = x.shape?.[node.opType === 'Expand' ? axis - left : axis];
    if (before !== null && before !== undefined && before === known) return same;
    const given = stated?.[axis];
    if (given !== -1 && given !== -1n && given !== 0 && given !== 0n)
      return (b) => b.op.Slice(target, b.ints(axis), b.ints(axis + 1), b.ints(0));
    const run = runOf(from, size);
    return run && ((b) => run.map((at) => b.op.Shape(x, { start: at, end: at + 1 })).reduce((m, n) => b.op.Mul(m, n)));
  });
  return entries.every((entry) => entry !== undefined) ? entries : undefined;
}

function written(builder: GraphBuilder, entries: readonly Entry[]): Value {
  const { op } = builder;
  if (entries.every((entry) => typeof entry === 'number')) return builder.ints(...entries);
  const parts = entries.map((entry) => (typeof entry === 'number' ? builder.ints(entry) : entry(builder)));
  return op.Concat(parts, { axis: 0 });
}

/**
 * Makes the shapes inside attentions follow the weights: the axis of the heads is what the other axes leave, so that a
 * layer with fewer heads needs no other graph. Layers where that cannot be said are no longer among the blocks.
 */
export function followWeights(model: Model, shapes: Shapes, { layers, unknown }: Blocks): Blocks {
  const targets = new Map<Node, readonly Entry[]>();
  const problem = ({ groups, sites }: ImportedLayer): string | undefined => {
    const all = sites.flatMap(({ attention }) => attention.reshapes);
    const found = all.map(([node, place]) => [node, entriesOf(node, place, shapes)] as const);
    const bad = found.find(([, entries]) => entries === undefined);
    if (bad) return `${groups.layer}: Reshape '${bad[0].name}' does not say how long the sequence is`;
    for (const [node, entries] of found) targets.set(node, entries!);
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
function rewriteTargets(model: Model, targets: ReadonlyMap<Node, readonly Entry[]>): void {
  const { graph } = model;
  rewrite(graph, (node, builder) => {
    const entries = targets.get(node);
    if (entries) node.inputs[1] = written(builder, entries);
    return undefined;
  });
}
