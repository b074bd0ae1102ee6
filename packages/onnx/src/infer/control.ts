import type { Graph, Node } from '../model.js';
import { axisOf, type Shape } from '../shape.js';
import { elementsOf, type InferRule, integersOf, intsAttribute, numberAttribute, type TypeInfo } from './rule.js';
import { commonShape, commonType, infoOf, typeOf, withoutShape } from './types.js';

/** The graph a node has under a name. */
export function bodyOf(node: Node, name: string): Graph | undefined {
  const attribute = node.attributes[name];
  return attribute?.type === 'graph' ? attribute.value : undefined;
}

/** A dimension that the body hands on as it came in stays that of the first state; others may have changed. */
function carriedShape(first: Shape | undefined, before: Shape | undefined, after: Shape | undefined) {
  if (!before || !after || !first) return first ? commonShape(first, after) : after;
  return before.length === after.length && first.length === after.length
    ? after.map((d, i) => (d !== null && (d === before[i] || d === first[i]) ? (first[i] ?? null) : null))
    : undefined;
}

/** Carried results come first; scan results gain a leading dimension of unknown length. */
const Loop: InferRule = (node) => {
  const graph = bodyOf(node, 'body');
  const carried = node.inputs.length - 2;
  return (graph?.outputs.slice(1) ?? []).map((v, i): TypeInfo => {
    const { dtype, shape } = v;
    // An optional may come in where the body hands on what it holds; ONNX types the result by the body.
    if (v.type) return infoOf(commonType(typeOf(node.inputs[i + 2]), v.type) ?? withoutShape(v.type));
    if (i >= carried) return { dtype, shape: shape && [null, ...shape] };
    return { dtype, shape: carriedShape(node.inputs[i + 2]?.shape, graph?.inputs[i + 2]?.shape, shape) };
  });
};

/** Of a condition that is known, the branch that is taken counts alone. */
const If: InferRule = (node) => {
  const condition = integersOf(node.inputs[0])?.[0];
  const then = bodyOf(node, 'then_branch')?.outputs ?? [];
  const otherwise = bodyOf(node, 'else_branch')?.outputs;
  if (condition !== undefined) {
    const taken = condition === 0 ? (otherwise ?? []) : then;
    return taken.map((v) => ({ ...infoOf(typeOf(v)), elements: elementsOf(v) }));
  }
  return then.map((v, i): TypeInfo => {
    const info = infoOf(commonType(typeOf(v), typeOf(otherwise?.[i])));
    return info.type ? info : { ...info, dtype: v.dtype };
  });
};

/** A scan's states stay as they are; its results gain the axis that was scanned. Before operator set 9 all had a batch too. */
const Scan: InferRule = (node, opset) => {
  const graph = bodyOf(node, 'body');
  const operands = opset < 9 ? node.inputs.slice(1) : node.inputs;
  const states = operands.length - numberAttribute(node, 'num_scan_inputs', 1);
  const lead = opset < 9 ? 1 : 0;
  const at = (name: string, i: number, rank: number) =>
    lead === 1 ? 1 : axisOf(intsAttribute(node, name)?.[i] ?? 0, rank);
  const first = operands[states]?.shape;
  const length = first ? (first[at('scan_input_axes', 0, first.length)] ?? null) : null;
  return (graph?.outputs ?? []).map(({ dtype, shape }, i): TypeInfo => {
    if (i < states) return { dtype, shape: operands[i]?.shape };
    if (!shape) return { dtype, shape };
    const whole = lead === 1 ? [first?.[0] ?? null, ...shape] : shape;
    const axis = at('scan_output_axes', i - states, whole.length + 1);
    return { dtype, shape: [...whole.slice(0, axis), length, ...whole.slice(axis)] };
  });
};

/** Shape rules of operators with graphs inside. */
export const control = { If, Loop, Scan } as const satisfies Record<string, InferRule>;
