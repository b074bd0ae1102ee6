import {
  broadcast,
  type Dim,
  eliminateCommonSubexpressions,
  eliminateDeadCode,
  eliminateDropout,
  eliminateIdentity,
  foldConstants,
  type GraphBuilder,
  type Model,
  type Node,
  runPasses,
  type Shape,
  type Value,
} from '@neuroprune/onnx';
import { isOp, rewrite } from './rewrite.js';

const isSameShape = (a: Shape | undefined, b: Shape | undefined): boolean =>
  a !== undefined && b !== undefined && a.length === b.length && a.every((d: Dim, i) => d !== null && d === b[i]);

/** The value that a node hands on unchanged. */
function handedOn(node: Node): Value | undefined {
  const [x] = node.inputs;
  const [y] = node.outputs;
  if (!x || !y) return undefined;
  if (isOp(node, 'Cast', 'CastLike') && x.dtype !== undefined && x.dtype === y.dtype) return x;
  return isOp(node, 'Expand', 'Reshape') && isSameShape(x.shape, y.shape) ? x : undefined;
}

/** Takes out what changes nothing: types and shapes that are there already. */
function eliminateNoops(model: Model): { model: Model; modified: boolean } {
  const { outputs } = model.graph;
  const modified = rewrite(model.graph, (node) => {
    const x = outputs.includes(node.outputs[0]!) ? undefined : handedOn(node);
    return x && new Map([[node.outputs[0]!, x]]);
  });
  return { model, modified };
}

/** Operators that broadcast their operands. */
const BROADCASTS = ['Add', 'Sub', 'Mul', 'Div', 'Where', 'Max', 'Min', 'And', 'Or'] as const;

/** The value before it was expanded, through a change of type; undefined for one that was not. */
function unexpanded(value: Value | undefined, builder: GraphBuilder): Value | undefined {
  const node = value?.producer;
  const [x] = node?.inputs ?? [];
  if (!node || !x || node.domain !== '') return undefined;
  if (node.opType === 'Expand') return x;
  const isCast = node.opType === 'Cast' && x.producer?.opType === 'Expand';
  const inner = isCast ? unexpanded(x, builder) : undefined;
  return inner && builder.node('Cast', [inner], node.attributes, 1)[0];
}

const broadcasts = (shapes: readonly (Shape | undefined)[]): Shape | undefined =>
  shapes.every((s) => s !== undefined) ? (shapes as Shape[]).reduce(broadcast, []) : undefined;

/** Lets operators broadcast what was expanded to the shape they give anyway, as masks are to that of the scores. */
function eliminateExpands(model: Model): { model: Model; modified: boolean } {
  let modified = false;
  rewrite(model.graph, (node, builder) => {
    if (!isOp(node, ...BROADCASTS)) return undefined;
    node.inputs.forEach((value, i) => {
      const before = unexpanded(value, builder);
      const others = node.inputs.map((v, at) => (at === i ? before : v)?.shape);
      if (!before || !isSameShape(broadcasts(others), node.outputs[0]?.shape)) return;
      node.inputs[i] = before;
      modified = true;
    });
    return undefined;
  });
  return { model, modified };
}

/** Nothing computed that is known beforehand, twice, for nobody, or to no effect. */
export const tidy = (model: Model): Model =>
  runPasses(model, [
    eliminateDropout,
    eliminateIdentity,
    foldConstants,
    eliminateNoops,
    eliminateExpands,
    eliminateCommonSubexpressions,
    eliminateDeadCode,
  ]).model;
