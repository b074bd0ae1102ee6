import { decomposeNode, type OpType, type Value } from '@neuroprune/onnx';
import type { RuleContext, RuleTable } from '../rule.js';

/** The operator is written in others, and the gradient goes through these. */
function throughOthers<K extends OpType>({ node, builder, g, vjp }: RuleContext<K>): never {
  const from = builder.graph.nodes.length;
  const results = decomposeNode(node, builder) ?? [];
  const given = (Array.isArray(g) ? g : [g]) as readonly (Value | undefined)[];
  // The table types one gradient an operand; here the operator is any.
  return vjp(builder.graph.nodes.slice(from), results, given, node.inputs) as never;
}

/** Operators whose gradient is that of their decomposition. */
export const decomposed: RuleTable<'Attention' | 'RMSNormalization' | 'RotaryEmbedding'> = {
  Attention: throughOthers,
  RMSNormalization: throughOthers,
  RotaryEmbedding: throughOthers,
};
