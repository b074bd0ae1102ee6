import { contribOps, contribType } from './contrib.js';
import type { Node } from './model.js';
import { isOpType, type OpSpec, type OpType, ops } from './ops.js';

/** From which output on a node's results may be left out; the number of outputs when all are needed. */
export function optionalOutputs(node: Node): number {
  const own = contribType(node);
  const isOnnx = node.domain === '' && isOpType(node.opType);
  const spec: OpSpec | undefined = own ? contribOps[own] : isOnnx ? ops[node.opType as OpType] : undefined;
  return spec?.outs?.[0] ?? node.outputs.length;
}
