import type { Graph, Node } from '../model.js';
import type { Shape } from '../shape.js';
import type { InferRule, TypeInfo } from './rule.js';

function body(node: Node, name: string): Graph | undefined {
  const attribute = node.attributes[name];
  return attribute?.type === 'graph' ? attribute.value : undefined;
}

/** What two runs of different graphs have in common. */
function common(a: Shape | undefined, b: Shape | undefined): Shape | undefined {
  return a && b && a.length === b.length ? a.map((d, i) => (d === b[i] ? d : null)) : undefined;
}

/** A dimension that the body hands on as it came in stays that of the first state; others may have changed. */
function carriedShape(first: Shape | undefined, before: Shape | undefined, after: Shape | undefined) {
  if (!before || !after || !first) return first ? common(first, after) : after;
  return before.length === after.length && first.length === after.length
    ? after.map((d, i) => (d !== null && (d === before[i] || d === first[i]) ? (first[i] ?? null) : null))
    : undefined;
}

/** Carried results come first; scan results gain a leading dimension of unknown length. */
const Loop: InferRule = (node) => {
  const graph = body(node, 'body');
  const carried = node.inputs.length - 2;
  return (graph?.outputs.slice(1) ?? []).map(({ dtype, shape }, i): TypeInfo => {
    if (i >= carried) return { dtype, shape: shape && [null, ...shape] };
    return { dtype, shape: carriedShape(node.inputs[i + 2]?.shape, graph?.inputs[i + 2]?.shape, shape) };
  });
};

const If: InferRule = (node) => {
  const otherwise = body(node, 'else_branch')?.outputs;
  return (body(node, 'then_branch')?.outputs ?? []).map(
    ({ dtype, shape }, i): TypeInfo => ({ dtype, shape: common(shape, otherwise?.[i]?.shape) }),
  );
};

/** Shape rules of operators with graphs inside. */
export const control = { If, Loop } as const satisfies Record<string, InferRule>;
