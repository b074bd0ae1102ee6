import { type Attribute, CONTRIB_DOMAIN, type Model, Node, type Value } from '@neuroprune/onnx';
import { readersOf, replaceNodes } from './rewrite.js';

/** Types for which ONNX Runtime has the kernel on CUDA. */
const TYPES: ReadonlySet<string | undefined> = new Set(['float32', 'float16']);

/**
 * Attention's softmax with what is added to its scores, in place: ONNX Runtime's `BiasSoftmax`, one pass over the scores less. Its own
 * fusion needs extents that a step inside a loop does not have.
 */
export function biasSoftmax(model: Model): Model {
  const { graph } = model;
  const readers = readersOf(graph);
  const replaced = new Map<Node, Node | undefined>();
  for (const node of graph.nodes) {
    const sum = node.opType === 'Softmax' && node.domain === '' ? node.inputs[0]?.producer : undefined;
    const fused = sum?.opType === 'Add' && readers.get(sum.outputs[0] as Value)?.length === 1 && fusedOf(node, sum);
    if (!fused) continue;
    replaced.set(sum, undefined);
    replaced.set(node, fused);
  }
  replaceNodes(graph, replaced);
  model.opsets[CONTRIB_DOMAIN] = 1;
  return model;
}

/** One node for both; undefined where there is no kernel for it. */
function fusedOf(softmax: Node, sum: Node): Node | undefined {
  const [result] = sum.outputs;
  const last = (result?.shape?.length ?? 0) - 1;
  const axis = softmax.attributes.axis?.value ?? -1;
  const found = result && TYPES.has(result.dtype) && (axis === -1 || axis === last) ? operands(sum, result) : undefined;
  if (!found) return undefined;
  const attributes: Record<string, Attribute> = {
    axis: { type: 'int', value: last },
    is_inner_broadcast: { type: 'int', value: Number(found.isInner) },
  };
  return new Node('BiasSoftmax', [found.scores, found.bias], softmax.outputs, attributes, CONTRIB_DOMAIN, softmax.name);
}

interface Operands {
  readonly scores: Value;
  readonly bias: Value;
  /** Whether the bias is the same along axes just before the last (of padding: [batch, 1, 1, sequence]), or along the first ones ([1, heads, sequence, sequence]). */
  readonly isInner: boolean;
}

/** Which operand is as large as the sum, and how the other one is repeated; undefined where the kernel knows no such way. */
function operands({ inputs: [a, b] }: Node, { shape = [] }: Value): Operands | undefined {
  const isWhole = (x: Value | undefined) =>
    x?.shape?.length === shape.length && x.shape.every((d, i) => d === shape[i]);
  const [scores, bias] = isWhole(a) ? [a, b] : [b, a];
  if (!isWhole(scores) || bias?.shape?.length !== shape.length || bias.shape.at(-1) !== shape.at(-1)) return undefined;
  const isOne = bias.shape.slice(0, -1).map((d, i) => d === 1 && shape[i] !== 1);
  const inner = isOne.indexOf(true);
  const outer = isOne.lastIndexOf(true) + 1;
  const isSame = (from: number, to?: number) => bias.shape?.slice(from, to).every((d, i) => d === shape[from + i]);
  const found = (isInner: boolean) => ({ scores: scores as Value, bias: bias as Value, isInner });
  if (isOne.slice(inner).every(Boolean) && isSame(0, Math.max(inner, 0))) return found(true);
  return isOne.slice(0, outer).every(Boolean) && isSame(outer) ? found(false) : undefined;
}
