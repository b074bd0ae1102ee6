/** What sets 24 and 25 added, in terms of 23; element types that 23 lacks are refused where an attribute names them. */
import { scalarTensor } from '../../builder.js';
import { standardDecompositions } from '../../decompose/standard.js';
import { dtypes } from '../../dtype.js';
import type { Node, Value } from '../../model.js';
import { axisOf } from '../../shape.js';
import { remade } from '../rewrite.js';
import { attributeOf, attributesWithout, type LiftContext, type LiftRule, refuse } from './rule.js';

/** `TensorProto.DataType` of the last element type of set 23 (float4e2m1). */
const LAST_TYPE = 23;

/** Refuses operands of element types that set 23 lacks. */
export function refuseNewTypes(node: Node, opset: number): void {
  const odd = node.inputs.find((v) => v?.dtype && dtypes[v.dtype].code > LAST_TYPE);
  if (odd) refuse(node, opset, `expected operands of older element types, got ${odd.name}: ${odd.dtype}`);
}

/** `round_mode` speaks of float8e8m0 alone, which set 23 lacks. */
const cast: LiftRule = (node, { builder, opset }) => {
  const to = attributeOf(node, 'to', 'int') ?? 0;
  if (to > LAST_TYPE) refuse(node, opset, `expected a type up to ${LAST_TYPE}, got ${to}`);
  return node.attributes.round_mode
    ? remade(builder, node, node.inputs, attributesWithout(node, ['round_mode']))
    : undefined;
};

/** The counts of valid keys become part of the scores. */
const attention: LiftRule = (node, { builder }) =>
  node.inputs[6] ? standardDecompositions.Attention({ node, builder, op: builder.op }) : undefined;

const swish: LiftRule = (node, { builder: { op } }) => {
  const [x] = node.inputs;
  const alpha = attributeOf(node, 'alpha', 'float') ?? 1;
  return x && [op.Mul(x, op.Sigmoid(alpha === 1 ? x : op.Mul(x, alpha)))];
};

/** Position i along the axis goes to write_indices[b] + i, modulo the cache's length when circular. */
function tensorScatter(node: Node, { builder, opset }: LiftContext): Value[] {
  const { op } = builder;
  const [cache, update, from] = node.inputs;
  if (!cache?.shape || !update) return refuse(node, opset, 'expected a cache of known rank, got none');
  const axis = axisOf(attributeOf(node, 'axis', 'int') ?? -2, cache.rank);
  const extent = (v: Value, at: number) => op.Shape(v, { start: at, end: at + 1 });
  const scalar = (v: Value) => op.Squeeze(v, builder.ints(0));
  const zero = builder.constant(scalarTensor(0, 'int64'));
  const one = builder.constant(scalarTensor(1, 'int64'));
  const along = (v: Value, at: number) =>
    op.Unsqueeze(v, builder.ints(...cache.shape!.flatMap((_, i) => (i === at ? [] : [i]))));
  const positions = along(op.Range(zero, scalar(extent(update, axis)), one), axis);
  const shifted = from ? op.Add(positions, along(op.Cast(from, { to: 7 }), 0)) : positions;
  const circular = attributeOf(node, 'mode', 'string') === 'circular';
  const wrapped = circular ? op.Mod(shifted, extent(cache, axis)) : shifted;
  return [op.ScatterElements(cache, op.Expand(wrapped, op.Shape(update)), update, { axis })];
}

/** Operator → how a node of set 24 or 25 is written in 23. */
export const downward: Readonly<Record<string, LiftRule>> = {
  Attention: attention,
  Cast: cast,
  CastLike: cast,
  Swish: swish,
  TensorScatter: tensorScatter,
};
