import type { Node, Value } from '@neuroprune/onnx';
import type { Search, Unknown } from './attention-pattern.js';
import { follow } from './follow.js';
import type { Linear } from './linear.js';
import { isOp, readersOf } from './rewrite.js';
import { nextNodes, sourcesOf } from './walk.js';

/** A feed-forward part found in a graph. */
export interface MlpBlock {
  /** The layers that make the hidden units: one, or that of the gate beside it. */
  readonly up: readonly Linear[];
  readonly down: Linear;
  readonly units: number;
}

/** Functions of one number that are no straight line. */
const NONLINEAR = [
  ...['Relu', 'Gelu', 'Erf', 'Tanh', 'Sigmoid', 'Elu', 'Selu', 'Mish', 'Softplus', 'Softsign', 'LeakyRelu'],
  ...['HardSigmoid', 'HardSwish', 'Swish', 'Exp', 'Max', 'Clip'],
] as const;

/** Sums of a layer's result with what went around it. */
function isResidual(down: Linear, { model, shapes }: Search): boolean {
  const readers = readersOf(model.graph);
  const sizeOf = (value: Value | undefined) => value && !value.tensor && shapes.get(value.name)?.join();
  const isSum = (node: Node, value: Value) =>
    isOp(node, 'Add') && node.inputs.every((v) => sizeOf(v) === sizeOf(value));
  return nextNodes(down.y, readers, isSum, (node) => isOp(node, 'Reshape')).length > 0;
}

/**
 * Every feed-forward part: layers, functions of one number, and a layer back to the width it came from, beside a residual.
 * A head of a model is none: nothing goes around it.
 */
export function findMlps(search: Search): (MlpBlock | Unknown)[] {
  const { model, shapes, linears } = search;
  const byResult = new Map(linears.map((linear) => [linear.y, linear]));
  return linears.flatMap((down): (MlpBlock | Unknown)[] => {
    const found = new Set(sourcesOf(down.x, byResult));
    const up = linears.filter((linear) => found.has(linear));
    const units = down.weight.tensor!.dims[1]!;
    const width = down.weight.tensor!.dims[0]!;
    const fits = (l: Linear) => l.weight.tensor!.dims[0] === units && l.weight.tensor!.dims[1] === width;
    if (up.length === 0 || up.length > 2 || !up.every(fits) || !isResidual(down, search)) return [];
    if (new Set(up.map((l) => l.x)).size > 1) return [];
    const starts = new Map(
      up.map(({ y }) => [y, { axis: shapes.get(y.name)!.length - 1, outer: 1, inner: 1 }] as const),
    );
    const { nodes, problem } = follow(model.graph, shapes, starts, new Set([down.entry]), units);
    const where = down.weight.name;
    if (problem) return isOnlyElementwise(nodes) ? [{ where, reason: problem }] : [];
    if (!isOnlyElementwise(nodes) || !nodes.some((node) => isOp(node, ...NONLINEAR))) return [];
    return [{ up, down, units }];
  });
}

/** No product, no sum over something and no other axes: each unit by itself. */
const isOnlyElementwise = (nodes: readonly Node[]): boolean => !nodes.some((node) => isOp(node, ...TOGETHER));

/** Operators in which units meet, or change their places. */
const TOGETHER = [
  ...['MatMul', 'Softmax', 'LayerNormalization', 'ReduceMean', 'ReduceSum', 'ReduceMax', 'ReduceL2', 'Transpose'],
  ...['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Concat', 'Split', 'Slice'],
] as const;
