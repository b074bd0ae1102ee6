import type { Graph, Node } from '../model.js';
import type { InferRule, TypeInfo } from './rule.js';

function body(node: Node, name: string): Graph | undefined {
  const attribute = node.attributes[name];
  return attribute?.type === 'graph' ? attribute.value : undefined;
}

/** Loop-carried results keep their type; scan results gain a leading dimension of unknown length. */
const Loop: InferRule = (node) => {
  const carried = node.inputs.length - 2;
  return (body(node, 'body')?.outputs.slice(1) ?? []).map(
    ({ dtype, shape }, i): TypeInfo => ({ dtype, shape: i < carried ? shape : shape && [null, ...shape] }),
  );
};

/** The then branch says the types. */
const If: InferRule = (node) =>
  (body(node, 'then_branch')?.outputs ?? []).map(({ dtype, shape }): TypeInfo => ({ dtype, shape }));

export const control = { If, Loop } as const satisfies Record<string, InferRule>;
