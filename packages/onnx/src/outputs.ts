import type { Node } from './model.js';
import { isOpType, type OpSpec, ops } from './ops.js';

/** From which output on a node's results may be left out; the number of outputs when all are needed. */
export function optionalOutputs(node: Node): number {
  const spec: OpSpec | undefined = node.domain === '' && isOpType(node.opType) ? ops[node.opType] : undefined;
  return spec?.outs?.[0] ?? node.outputs.length;
}
