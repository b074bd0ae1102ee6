import { type Graph, type Node, sizeOf, type Value } from '@neuroprune/onnx';
import { intAttribute, isOp } from './rewrite.js';
import type { Shapes } from './shapes.js';

/** Where the heads (or hidden units) lie in a value: `axis` has `outer · count · inner` elements, in that order. */
export interface Place {
  readonly axis: number;
  readonly outer: number;
  readonly inner: number;
}

/** How far values that depend on some heads were followed. */
export interface Followed {
  readonly places: ReadonlyMap<Value, Place>;
  /** Nodes whose shapes are given by numbers or an index beside the heads. */
  readonly reshapes: readonly Node[];
  /** Nodes that the heads go through. */
  readonly nodes: readonly Node[];
  /** What stood in the way, a sentence without subject; undefined where nothing did. */
  readonly problem?: string;
}

interface Step {
  readonly node: Node;
  readonly count: number;
  readonly from: readonly (Place | undefined)[];
  readonly dims: readonly (readonly number[] | undefined)[];
  /** Of the first result. */
  readonly to: readonly number[];
}

/** Where the heads lie in a node's results; a text says why nobody can tell. */
type Rule = (step: Step) => Place | string;

const first = (places: readonly (Place | undefined)[]): number => places.findIndex((place) => place !== undefined);

const behind = (dims: readonly number[], axis: number): number => sizeOf(dims.slice(axis + 1));

/** The same elements in the same order, on other axes. */
const reshaped: Rule = ({ from: [place], dims: [dims], to, count, node }) => {
  if (!place || !dims) return `${node.opType} takes its shape from the heads`;
  const right = behind(dims, place.axis) * place.inner;
  for (let axis = to.length - 1; axis >= 0; axis--) {
    const less = behind(to, axis);
    const [inner, outer] = [right / less, (to[axis]! * less) / (right * count)];
    if (Number.isInteger(inner) && Number.isInteger(outer) && inner >= 1 && outer >= 1) return { axis, outer, inner };
  }
  return `${node.opType} to [${to}] mixes them`;
};

/** Elements of the same place together, after broadcasting. */
const elementwise: Rule = ({ from, dims, to, node, count }) => {
  const at = first(from);
  const fromEnd = dims[at]!.length - from[at]!.axis;
  const axis = to.length - fromEnd;
  for (const [i, place] of from.entries()) {
    const extent = dims[i]?.at(-fromEnd);
    if (place) {
      const isSame = dims[i]!.length - place.axis === fromEnd && place.inner === from[at]!.inner;
      if (!isSame) return `${node.opType} joins them in different orders`;
    } else if (extent !== undefined && extent !== 1 && dims[i]!.length >= fromEnd)
      return `${node.opType} has something of its own for each of the ${count}`;
  }
  return { ...from[at]!, axis };
};

/** Products of matrices, one for each place of the axes before. */
const product: Rule = (step) => {
  const { from, dims, node } = step;
  for (const [i, place] of from.entries())
    if (place && place.axis >= dims[i]!.length - 2) return `${node.opType} sums over them`;
  return elementwise(step);
};

/** Something along an axis that is not theirs, given by an attribute. */
const along =
  (name: string, fallback: number): Rule =>
  (step) => {
    const { node, from, dims } = step;
    const at = first(from);
    const rank = dims[at]!.length;
    const axis = (intAttribute(node, name, fallback) + rank) % rank;
    return axis === from[at]!.axis ? `${node.opType} goes over them` : { ...from[at]! };
  };

const concatenated: Rule = (step) =>
  step.from.every((place) => place) ? along('axis', 0)(step) : 'Concat adds what is there already (a cache)';

const transposed: Rule = ({ node, from: [place], to }) => {
  const { perm } = node.attributes;
  const order = perm?.type === 'ints' ? perm.value : to.map((_, i) => to.length - 1 - i);
  return { ...place!, axis: order.indexOf(place!.axis) };
};

/** Sums that keep the axis they go over. */
const reduced: Rule = (step) => {
  const { node, from, dims, to } = step;
  const [place, before] = [from[0], dims[0]];
  if (!place || before?.length !== to.length) return `${node.opType} drops an axis`;
  return before[place.axis] === to[place.axis] ? place : `${node.opType} sums over them`;
};

/** Repeats along other axes. */
const expanded: Rule = ({ from: [place], dims: [dims], to, node }) => {
  if (!place || !dims) return `${node.opType} takes its shape from the heads`;
  const axis = place.axis + to.length - dims.length;
  return dims[place.axis] === to[axis] ? { ...place, axis } : 'Expand repeats them';
};

/** Repeats, also along their axis: then all of them come again. */
const tiled: Rule = ({ from: [place], dims: [dims], to }) => {
  if (!place || !dims) return 'Tile takes its shape from the heads';
  return { ...place, outer: (place.outer * to[place.axis]!) / dims[place.axis]! };
};

/** Picks along another axis, at the same places for each of them. */
const gathered: Rule = (step) => {
  const { node, from, dims, to } = step;
  const place = along('axis', 0)(step);
  if (typeof place === 'string') return place;
  const isAll = !from[1] && dims[0]?.[place.axis] === to[place.axis];
  const isSame = isAll && isRepeated(node.inputs[1], to.length - place.axis);
  return isSame ? place : 'GatherElements has something of its own for each of them';
};

/** True where a value is the same all along an axis, counted from the last, as it was repeated there. */
function isRepeated(value: Value | undefined, fromLast: number): boolean {
  const node = value?.producer;
  const [x] = node?.inputs ?? [];
  if (!x?.shape) return false;
  if (isOp(node, 'Transpose')) {
    const { perm } = node.attributes;
    const rank = x.shape.length;
    return perm?.type === 'ints' && isRepeated(x, rank - perm.value[rank - fromLast]!);
  }
  return isOp(node, 'Expand') && (fromLast > x.shape.length || x.shape.at(-fromLast) === 1);
}

/** The same as long as the axis keeps its extent. */
const cut: Rule = ({ node, from: [place], dims: [dims], to }) =>
  place && dims?.[place.axis] === to[place.axis] ? place : `${node.opType} takes some of them`;

const rules: Readonly<Record<string, Rule>> = {
  ...Object.fromEntries(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze'].map((op) => [op, reshaped])),
  ...Object.fromEntries(
    [
      ...['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Max', 'Min', 'Where', 'Cast', 'CastLike', 'Identity', 'Dropout', 'Neg'],
      ...['Abs', 'Exp', 'Log', 'Sqrt', 'Reciprocal', 'Erf', 'Tanh', 'Sigmoid', 'Relu', 'Gelu', 'Elu', 'Selu', 'Mish'],
      ...[
        'LeakyRelu',
        'HardSigmoid',
        'HardSwish',
        'Softplus',
        'Softsign',
        'Clip',
        'IsNaN',
        'Not',
        'Equal',
        'Sin',
        'Cos',
      ],
      ...['Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual', 'Swish', 'Sign'],
    ].map((op) => [op, elementwise]),
  ),
  ...Object.fromEntries(['ReduceMean', 'ReduceSum', 'ReduceMax', 'ReduceL2'].map((op) => [op, reduced])),
  MatMul: product,
  Softmax: along('axis', -1),
  LayerNormalization: along('axis', -1),
  Concat: concatenated,
  Expand: expanded,
  GatherElements: gathered,
  Tile: tiled,
  Split: along('axis', 0),
  Slice: cut,
  Transpose: transposed,
};

/** Operators whose results are sized by numbers that are given beside, or by their index. */
const RESHAPES = ['Reshape', 'Expand', 'Tile', 'GatherElements'] as const;

/** Results that say how large something is, not what it holds. */
const SIZES = new Set(['Shape', 'Size']);

/**
 * Follows `count` heads (or units) from where they are made through a graph, up to the nodes in `ends`. Operators that
 * would mix them, or that nobody knows here, are a problem.
 */
export function follow(
  graph: Graph,
  shapes: Shapes,
  starts: ReadonlyMap<Value, Place>,
  ends: ReadonlySet<Node>,
  count: number,
): Followed {
  const places = new Map(starts);
  const nodes: Node[] = [];
  const reshapes: Node[] = [];
  const found = { places, nodes, reshapes };
  for (const node of graph.nodes) {
    const from = node.inputs.map((v) => v && places.get(v));
    if (first(from) < 0 || ends.has(node) || SIZES.has(node.opType)) continue;
    const to = shapes.get(node.outputs[0]!.name);
    const rule = node.domain === '' ? rules[node.opType] : undefined;
    const dims = node.inputs.map((v) => v && shapes.get(v.name));
    if (!rule || !to || from.some((place, i) => place && !dims[i]))
      return { ...found, problem: `${node.opType} is not known to keep them apart` };
    const place = rule({ node, count, from, dims, to });
    if (typeof place === 'string') return { ...found, problem: place };
    nodes.push(node);
    if (isOp(node, ...RESHAPES)) reshapes.push(node);
    for (const output of node.outputs) places.set(output, place);
  }
  return { ...found, ...leaks(graph, places) };
}

/** Heads that are handed out of the model. */
const leaks = ({ outputs }: Graph, places: ReadonlyMap<Value, Place>) =>
  outputs.some((output) => places.has(output)) ? { problem: 'the model hands them out' } : {};
