import { OnnxError } from '../../errors.js';
import { calledBy, type Functions, functionsOf } from '../../functions.js';
import { type Attribute, allGraphs, type Graph, type ModelFunction, Node } from '../../model.js';
import type { Pass } from '../pass.js';
import { rewriteNodes } from '../rewrite.js';
import { downward, refuseNewTypes } from './downward.js';
import { LIFTED_OPSET, type LiftRule } from './rule.js';
import { upward } from './upward.js';

/** The oldest and the newest operator set that `lift` reads. */
const RANGE = { from: 11, to: 25 } as const;

/** The file format version that knows operator set 23 (https://github.com/onnx/onnx/blob/main/docs/Versioning.md). */
const IR_VERSION = 11;

function ruleOf({ opType }: Node, opset: number): LiftRule | undefined {
  if (opset > LIFTED_OPSET) return Object.hasOwn(downward, opType) ? downward[opType] : undefined;
  const changes = Object.hasOwn(upward, opType) ? upward[opType] : undefined;
  return changes?.find(({ before }) => opset < before)?.rewrite;
}

function readableOpset(opset: number, graph: Graph): number {
  if (opset >= RANGE.from && opset <= RANGE.to) return opset;
  const node = allGraphs(graph)
    .flatMap((g) => g.nodes)
    .find((n) => n.domain === '');
  const where = node ? ` (${node.opType}, node '${node.name || node.outputs[0]?.name}')` : '';
  throw new OnnxError(
    `lift: expected operator set ${RANGE.from} to ${RANGE.to}, got ${opset}${where}; export the model anew with one of these`,
  );
}

function liftGraph(graph: Graph, opset: number, functions: Functions): void {
  rewriteNodes(graph, (node, builder) => {
    if (node.domain !== '' || calledBy(node, functions)) return undefined;
    if (opset > LIFTED_OPSET) refuseNewTypes(node, opset);
    return ruleOf(node, opset)?.(node, { builder, opset });
  });
}

/** A function has no initializers: what the rewrite made of them become `Constant` nodes. */
function liftFunction(f: ModelFunction, outer: number, functions: Functions): void {
  const opset = readableOpset(f.opsets[''] ?? outer, f.graph);
  if (opset === LIFTED_OPSET) return;
  liftGraph(f.graph, opset, functions);
  const constants = f.graph.initializers.map((value) => {
    const attributes: Record<string, Attribute> = value.tensor
      ? { value: { type: 'tensor', value: value.tensor } }
      : {};
    value.tensor = undefined;
    return new Node('Constant', [], [value], attributes);
  });
  f.graph.initializers = [];
  f.graph.nodes = [...constants, ...f.graph.nodes];
  f.opsets[''] = LIFTED_OPSET;
}

/**
 * Writes a model of ai.onnx 11 to 25 in operator set 23, subgraphs and functions included; other domains stay as they are.
 * Throws on other sets, and names the node that cannot be said in 23. Types of results are worked out along the way.
 */
export const lift: Pass = (model) => {
  const opset = readableOpset(model.opsets[''] ?? LIFTED_OPSET, model.graph);
  const functions = functionsOf(model);
  const isLifted = [model, ...functions.values()].every(({ opsets }) => opsets[''] === LIFTED_OPSET);
  if (isLifted) return { model, modified: false };
  if (opset !== LIFTED_OPSET) liftGraph(model.graph, opset, functions);
  for (const f of functions.values()) liftFunction(f, opset, functions);
  model.opsets[''] = LIFTED_OPSET;
  model.irVersion = Math.max(model.irVersion, IR_VERSION);
  return { model, modified: true };
};
