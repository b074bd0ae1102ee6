import { calledBy, type Functions, functionsOf } from '../functions.js';
import type { Attribute, Node, Value } from '../model.js';
import { subgraphs } from '../model.js';
import { bytesOf, type SparseTensor, sizeOf, type Tensor } from '../tensor.js';
import { eachGraph, type Pass, replaceOperands } from './pass.js';

/** Two of them give two different results (https://onnx.ai/onnx/operators). */
const random = new Set([
  'Bernoulli',
  'Dropout',
  'Multinomial',
  'RandomNormal',
  'RandomNormalLike',
  'RandomUniform',
  'RandomUniformLike',
]);

/** Large tensors are only the same when they are one: comparing weights would take longer than it saves. */
const MAX_COMPARED = 4096;
const identities = new WeakMap<Tensor, number>();
let identified = 0;

function identityOf(tensor: Tensor): number {
  const known = identities.get(tensor) ?? identified++;
  identities.set(tensor, known);
  return known;
}

function tensorKey(tensor: Tensor): string {
  const { dtype, dims } = tensor;
  if (sizeOf(dims) > MAX_COMPARED) return `#${identityOf(tensor)}`;
  const bytes = bytesOf(tensor);
  return `${dtype}[${dims}]${bytes ? Buffer.from(bytes).toString('base64') : JSON.stringify(tensor.data)}`;
}

/** JSON has no NaN, no infinities and no negative zero. */
const exact = (_: string, x: unknown): unknown => (typeof x === 'number' ? (Object.is(x, -0) ? '-0' : String(x)) : x);

const sparseKey = ({ dims, values, indices }: SparseTensor): string =>
  `[${dims}]${tensorKey(values)} at ${tensorKey(indices)}`;

/** What an attribute adds to a node, as text; graphs are only the same when they are one. */
function valueKey(a: Attribute): string {
  switch (a.type) {
    case 'tensor':
      return tensorKey(a.value);
    case 'tensors':
      return a.value.map(tensorKey).join();
    case 'sparse':
      return sparseKey(a.value);
    case 'sparses':
      return a.value.map(sparseKey).join();
    case 'int':
      return String(a.exact ?? a.value);
    case 'ints':
      return (a.exact ?? a.value).join();
    case 'reference':
      return `${a.of} ${a.value}`;
    default:
      return JSON.stringify(a.value, exact);
  }
}

const attributeKey = (name: string, a: Attribute): string => `${name}:${a.type}=${valueKey(a)}`;

/** Equal for two nodes exactly when they compute the same. */
function keyOf(node: Node, ids: Map<Value, number>): string {
  const id = (value: Value): number => {
    const known = ids.get(value) ?? ids.size;
    ids.set(value, known);
    return known;
  };
  const attributes = Object.entries(node.attributes).map(([name, a]) => attributeKey(name, a));
  return JSON.stringify([node.domain, node.opType, node.inputs.map((v) => (v ? id(v) : -1)), attributes.sort()]);
}

/** ONNX's own operators without graphs inside; functions and other domains may be random. */
const isPure = (node: Node, functions: Functions): boolean =>
  (node.domain === '' || node.domain === 'ai.onnx.ml') &&
  !random.has(node.opType) &&
  !calledBy(node, functions) &&
  subgraphs(node).length === 0;

/** True when `earlier` has every result of `node`, and none of these must keep its name. */
const standsFor = (earlier: Node, node: Node, outputs: ReadonlySet<Value>): boolean =>
  node.outputs.every((v, i) => !outputs.has(v) && (v.name === '' || (earlier.outputs[i]?.name ?? '') !== ''));

/**
 * Computes once what several nodes of a graph compute alike. Nodes that make graph outputs stay, as do random ones, calls
 * of functions, operators of other domains and nodes with subgraphs.
 */
export const eliminateCommonSubexpressions: Pass = eachGraph((graph, root, model) => {
  const functions = functionsOf(model);
  const outputs = new Set(graph.outputs);
  const first = new Map<string, Node>();
  const ids = new Map<Value, number>();
  const replaced = new Map<Value, Value>();
  const gone = new Set<Node>();
  for (const node of graph.nodes) {
    node.inputs.forEach((v, i) => {
      node.inputs[i] = v && (replaced.get(v) ?? v);
    });
    if (!isPure(node, functions)) continue;
    const key = keyOf(node, ids);
    const earlier = first.get(key);
    if (!earlier) first.set(key, node);
    else if (standsFor(earlier, node, outputs)) {
      node.outputs.forEach((v, i) => {
        if (v.name !== '') replaced.set(v, earlier.outputs[i] as Value);
      });
      gone.add(node);
    }
  }
  replaceOperands(root, replaced);
  graph.nodes = graph.nodes.filter((n) => !gone.has(n));
  return gone.size > 0;
});
