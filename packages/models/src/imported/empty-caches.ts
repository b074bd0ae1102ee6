import type { Graph, GraphBuilder, Node, Value } from '@neuroprune/onnx';
import { intAttribute, isOp, rewrite } from './rewrite.js';

const isCache = ({ name, dtype, shape }: Value): boolean =>
  /^past/.test(name) && dtype === 'float32' && shape?.length === 4 && [1, 3].every((i) => typeof shape[i] === 'number');

/** What a `Shape` gives of a cache without tokens, [batch, heads, 0, size]. */
function shapeWithoutTokens(node: Node, ids: Value, builder: GraphBuilder): Value {
  const { op } = builder;
  const [, heads, , size] = node.inputs[0]!.shape as readonly number[];
  const parts = [op.Shape(ids, { start: 0, end: 1 }), ...[heads!, 0, size!].map((n) => builder.ints(n))];
  return op.Concat(parts.slice(intAttribute(node, 'start', 0), intAttribute(node, 'end', 4)), { axis: 0 });
}

/**
 * Lets a decoder read whole texts: keys and values of earlier tokens, which are none, go from its inputs. A cache that is
 * read in another way than being put before new keys or values stays.
 */
export function emptyCaches(graph: Graph): void {
  const ids = graph.inputs.find(({ name }) => name === 'input_ids');
  const caches = new Set(graph.inputs.filter(isCache));
  if (!ids || caches.size === 0) return;
  rewrite(graph, (node, builder) => {
    const [x, y] = node.inputs;
    const [output] = node.outputs;
    if (!x || !output || !caches.has(x)) return undefined;
    if (isOp(node, 'Concat') && y && node.inputs.length === 2) return new Map([[output, y]]);
    return isOp(node, 'Shape') ? new Map([[output, shapeWithoutTokens(node, ids, builder)]]) : undefined;
  });
  const read = new Set(graph.nodes.flatMap(({ inputs }) => inputs));
  graph.inputs = graph.inputs.filter((input) => !caches.has(input) || read.has(input));
  // What counts earlier tokens too is as long as the text now.
  for (const input of graph.inputs) if (input.shape?.length === 2 && ids.shape) input.shape = ids.shape;
}
