import { contribType } from '../contrib.js';
import { calledBy, functionsOf } from '../functions.js';
import { allGraphs, type Graph, type Model, type ModelFunction, type Node, OPSET, subgraphs } from '../model.js';
import type { OpType } from '../ops.js';
import type { Dim, Shape } from '../shape.js';
import { activation } from './activation.js';
import { arithmetic } from './arithmetic.js';
import { attention } from './attention.js';
import { typeBody } from './body.js';
import { contrib } from './contrib.js';
import { control } from './control.js';
import { convolution } from './convolution.js';
import { elementwise } from './elementwise.js';
import { instantiate } from './function.js';
import { generation } from './generation.js';
import { image } from './image.js';
import { linalg } from './linalg.js';
import { ml } from './ml.js';
import { movement } from './movement.js';
import { normalization } from './normalization.js';
import { quantized } from './quantized.js';
import { recurrent } from './recurrent.js';
import { reduction } from './reduction.js';
import type { InferRule, TypeInfo } from './rule.js';
import { selection } from './selection.js';
import { sequence } from './sequence.js';
import { signal } from './signal.js';
import { steadyStates } from './steady.js';
import { text } from './text.js';
import { training } from './training.js';

/** The shape rule of every operator in the table; an operator without one does not compile. */
export const inferRules: { readonly [K in OpType]: InferRule } = {
  ...activation,
  ...arithmetic,
  ...attention,
  ...control,
  ...convolution,
  ...elementwise,
  ...generation,
  ...image,
  ...linalg,
  ...movement,
  ...normalization,
  ...quantized,
  ...recurrent,
  ...reduction,
  ...selection,
  ...sequence,
  ...signal,
  ...text,
};

/** The shape rules of each operator set that has any, by domain. */
export const domainRules: ReadonlyMap<string, { readonly [opType: string]: InferRule }> = new Map<
  string,
  { readonly [opType: string]: InferRule }
>([
  ['', inferRules],
  ['ai.onnx', inferRules],
  ['ai.onnx.ml', ml],
  ['ai.onnx.preview.training', training],
]);

function ruleOf(node: Node): InferRule | undefined {
  const own = contribType(node);
  if (own) return contrib[own];
  const rules = domainRules.get(node.domain);
  return rules && Object.hasOwn(rules, node.opType) ? rules[node.opType] : undefined;
}

/** Types of a node's outputs, in the version of its operator set; nothing is known of operators outside the tables. */
export function inferNode(node: Node, opset: number = OPSET): TypeInfo[] {
  const types = ruleOf(node)?.(node, opset) ?? [];
  return types.map((type) => ({ ...type, shape: soundShape(type.shape) }));
}

/** More dimensions than any tensor has; only a broken file says more. */
const MAX_RANK = 256;

/** A product with a factor that is no size. */
const ODD_FACTOR = /^(?!\d+\*)-?[\d.]+(e\+\d+)?\*/;

/** A shape without what a broken file made of it: sizes below 0, fractions, more than can be counted. */
function soundShape(shape: Shape | undefined): Shape | undefined {
  if (!shape || shape.length > MAX_RANK) return undefined;
  const isSound = (d: Dim) => (typeof d === 'number' ? Number.isSafeInteger(d) && d >= 0 : !d || !ODD_FACTOR.test(d));
  return shape.every(isSound) ? shape : shape.map((d) => (isSound(d) ? d : null));
}

/** Nodes in calls of functions that are looked into in one model: functions that call each other may make exponentially many. */
const MAX_CALLED_NODES = 1_000_000;

/** Calls inside calls. */
const MAX_CALL_DEPTH = 32;

interface Scope {
  readonly opsets: Readonly<Record<string, number>>;
  readonly functions: ReadonlyMap<string, ModelFunction>;
  readonly depth: number;
  readonly budget: { nodes: number };
}

/** Fills in the types of every node's outputs, in place, from the inputs' declared ones. Looks into the model's functions. */
export function inferModel(model: Model): Model {
  const budget = { nodes: MAX_CALLED_NODES };
  inferGraph(model.graph, { opsets: model.opsets, functions: functionsOf(model), depth: 0, budget });
  return model;
}

const opsetOf = ({ opsets }: Scope, domain: string): number =>
  opsets[domain] ?? (domain === 'ai.onnx' ? opsets[''] : undefined) ?? OPSET;

/** In execution order; the graphs inside a node come before the node that hands out their results. */
function inferGraph(graph: Graph, scope: Scope): void {
  for (const node of graph.nodes) {
    const opset = opsetOf(scope, node.domain);
    typeBody(node, opset);
    for (const body of subgraphs(node)) inferGraph(body, scope);
    steadyStates(node, (body) => inferGraph(body, scope));
    const called = calledBy(node, scope.functions);
    if (called) inferCall(node, called, scope);
    else inferOutputs(node, opset);
  }
}

/** Runs a copy of the function's graph on the types of the call. */
function inferCall(node: Node, called: ModelFunction, scope: Scope): void {
  scope.budget.nodes -= allGraphs(called.graph).reduce((n, g) => n + g.nodes.length, 1);
  if (scope.depth >= MAX_CALL_DEPTH || scope.budget.nodes < 0) return;
  const graph = instantiate(called, node);
  inferGraph(graph, { ...scope, opsets: { ...scope.opsets, ...called.opsets }, depth: scope.depth + 1 });
  setTypes(
    node,
    graph.outputs.map(({ dtype, shape, elements, type }) => ({ dtype, shape, elements, type })),
  );
}

/** Fills in the types of one node's outputs, in place, as far as they follow from its inputs. */
export function inferOutputs(node: Node, opset: number = OPSET): void {
  setTypes(node, inferNode(node, opset));
}

function setTypes(node: Node, types: readonly TypeInfo[]): void {
  types.forEach((type, i) => {
    const output = node.outputs[i];
    if (!output) return;
    output.type = type.type ?? output.type;
    output.dtype = type.dtype ?? output.dtype;
    output.shape = type.shape ? merged(type.shape, output.shape) : output.shape;
    output.elements = type.elements;
  });
}

/** What the file declares stands where nothing follows from the inputs. */
const merged = (inferred: Shape, declared: Shape | undefined): Shape =>
  declared?.length === inferred.length ? inferred.map((d, i) => d ?? declared[i] ?? null) : inferred;
