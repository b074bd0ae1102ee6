import type { Attribute, Graph, Node, Value } from '../model.js';
import { subgraphs } from '../model.js';
import { bytesOf, type Tensor } from '../tensor.js';
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

const tensorKey = ({ dtype, dims, data }: Tensor): string => {
  const bytes = bytesOf({ dtype, dims, data } as Tensor);
  return `${dtype}[${dims}]${bytes ? Buffer.from(bytes).toString('base64') : JSON.stringify(data)}`;
};

/** JSON has no NaN, no infinities and no negative zero. */
const exact = (_: string, x: unknown): unknown => (typeof x === 'number' ? (Object.is(x, -0) ? '-0' : String(x)) : x);

const attributeKey = (name: string, a: Attribute): string =>
  `${name}:${a.type}=${a.type === 'tensor' ? tensorKey(a.value) : JSON.stringify(a.value, exact)}`;

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

const isMergeable = (node: Node, graph: Graph): boolean =>
  subgraphs(node).length === 0 && !random.has(node.opType) && !node.outputs.some((v) => graph.outputs.includes(v));

/** Computes once what several nodes of a graph compute alike. Nodes that make graph outputs, random ones and ones with subgraphs stay. */
export const eliminateCommonSubexpressions: Pass = eachGraph((graph, root) => {
  const first = new Map<string, Node>();
  const ids = new Map<Value, number>();
  const replaced = new Map<Value, Value>();
  const gone = new Set<Node>();
  for (const node of graph.nodes) {
    node.inputs.forEach((v, i) => {
      node.inputs[i] = v && (replaced.get(v) ?? v);
    });
    if (subgraphs(node).length > 0 || random.has(node.opType)) continue;
    const key = keyOf(node, ids);
    const earlier = first.get(key);
    if (!earlier) first.set(key, node);
    else if (isMergeable(node, graph) && earlier.outputs.length >= node.outputs.length) {
      node.outputs.forEach((v, i) => {
        replaced.set(v, earlier.outputs[i] as Value);
      });
      gone.add(node);
    }
  }
  replaceOperands(root, replaced);
  graph.nodes = graph.nodes.filter((n) => !gone.has(n));
  return gone.size > 0;
});
