import { elementsOf, GraphBuilder, type Node, type OpType, ops } from '@neuroprune/onnx';
import type { Differentiable } from '../../src/rule.js';
import { isFloat } from '../../src/rules/selection.js';
import type { Row } from './row.js';

/** What a row may have that rules get wrong. */
export type Kind = 'scalar' | 'size-1 axis' | 'negative axis' | 'broadcast';

/** Operators whose real operands all have an axis, by definition. */
const axisNeeded: ReadonlySet<string> = new Set([
  'Attention',
  'Concat',
  'CumSum',
  'Gather',
  'GatherElements',
  'GatherND',
  'LayerNormalization',
  'LogSoftmax',
  'MatMul',
  'NegativeLogLikelihoodLoss',
  'OneHot',
  'Pad',
  'RMSNormalization',
  'RotaryEmbedding',
  'ScatterElements',
  'ScatterND',
  'Slice',
  'Softmax',
  'SoftmaxCrossEntropyLoss',
  'Split',
  'Squeeze',
  'Tile',
  'TopK',
  'Trilu',
]);
/** Operators whose only real operand is a pair. */
const fixedSize: ReadonlySet<string> = new Set(['OneHot']);
/** Operators that repeat an operand along axes that another one, or the target, has. */
const broadcasting: ReadonlySet<string> = new Set([
  'Add',
  'Div',
  'Einsum',
  'Expand',
  'Gemm',
  'MatMul',
  'Max',
  'Min',
  'Mod',
  'Mul',
  'Pow',
  'Sub',
  'Where',
]);

interface Spec {
  readonly in: readonly string[];
  readonly attrs?: object;
}

/** The kinds an operator's rows must hold. */
export function wanted(type: Differentiable): Kind[] {
  const { in: inputs, attrs = {} }: Spec = ops[type as OpType];
  const hasAxis = 'axis' in attrs || inputs.some((name) => /^axe?[is]+\??$/.test(name));
  return [
    ...(axisNeeded.has(type) ? [] : (['scalar'] as const)),
    ...(fixedSize.has(type) ? [] : (['size-1 axis'] as const)),
    ...(hasAxis ? (['negative axis'] as const) : []),
    ...(broadcasting.has(type) ? (['broadcast'] as const) : []),
  ];
}

function hasNegativeAxis({ opType, inputs, attributes }: Node): boolean {
  const { axis } = attributes;
  const names = (ops[opType as OpType] as Spec).in;
  const at = names.findIndex((name) => /^axe?[is]+\??$/.test(name));
  const listed = elementsOf(inputs[at]) ?? [];
  return (axis?.type === 'int' && axis.value < 0) || listed.some((a) => typeof a === 'number' && a < 0);
}

/** The kinds that a row holds, seen at the operator's nodes. */
export function kindsOf(type: Differentiable, { inputs, build }: Row): Kind[] {
  const builder = new GraphBuilder();
  build(
    builder.op,
    inputs.map((t, i) => builder.input(`x${i}`, t.dtype, t.dims)),
    builder,
  );
  return builder.graph.nodes
    .filter((node) => node.opType === type)
    .flatMap((node): Kind[] => {
      const operands = node.inputs.filter((v) => v && isFloat(v)).map((v) => v?.shape ?? []);
      const result = node.outputs[0]?.shape ?? [];
      return [
        ...(operands.some((s) => s.length === 0) ? (['scalar'] as const) : []),
        ...(operands.some((s) => s.includes(1)) ? (['size-1 axis'] as const) : []),
        ...(hasNegativeAxis(node) ? (['negative axis'] as const) : []),
        ...(operands.some((s) => s.join() !== result.join()) ? (['broadcast'] as const) : []),
      ];
    });
}
