import type { GraphBuilder } from '../builder.js';
import { contribType } from '../contrib.js';
import type { Decomposition } from '../decompose/context.js';
import { contribDecompositions } from '../decompose/contrib.js';
import { standardDecompositions } from '../decompose/standard.js';
import { calledBy, functionsOf } from '../functions.js';
import type { Node, Value } from '../model.js';
import type { Pass } from './pass.js';
import { rewriteNodes } from './rewrite.js';

function decompositionOf(node: Node): Decomposition | undefined {
  const type = contribType(node);
  if (type) return contribDecompositions[type];
  const isStandard = node.domain === '' && Object.hasOwn(standardDecompositions, node.opType);
  return isStandard ? standardDecompositions[node.opType as keyof typeof standardDecompositions] : undefined;
}

/** Writes a node's results in operators of the table `ops`; undefined where the operator has no decomposition. */
export function decomposeNode(node: Node, builder: GraphBuilder): (Value | undefined)[] | undefined {
  return decompositionOf(node)?.({ node, builder, op: builder.op });
}

/**
 * Writes ONNX Runtime's own operators (of the table `contribOps`), and `Attention`, `RotaryEmbedding` and
 * `RMSNormalization`, in operators that have gradients. Types are worked out along the way; throws on variants that have no
 * decomposition, naming node and attribute. A model in operator set 20 or above stays in its set.
 */
export const decompose: Pass = (model) => {
  const functions = functionsOf(model);
  const modified = rewriteNodes(model.graph, (node, builder) =>
    calledBy(node, functions) ? undefined : decomposeNode(node, builder),
  );
  return { model, modified };
};
