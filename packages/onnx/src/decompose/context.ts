import type { GraphBuilder } from '../builder.js';
import { OnnxError } from '../errors.js';
import { numberAttribute } from '../infer/rule.js';
import type { Node, Value } from '../model.js';
import type { OpFunctions } from '../ops.js';
import type { Shape } from '../shape.js';

/** What a decomposition sees: the node, and where to write what stands for it. */
export interface DecomposeContext {
  readonly node: Node;
  readonly builder: GraphBuilder;
  readonly op: OpFunctions;
}

/** Writes an operator in operators of the table `ops`; one value an output, undefined for one that it leaves out. */
export type Decomposition = (context: DecomposeContext) => (Value | undefined)[];

/** Refuses what has no decomposition. */
export function refuse({ node: { domain, opType, name, outputs } }: DecomposeContext, expected: string): never {
  const operator = `${domain ? `${domain}.` : ''}${opType}`;
  throw new OnnxError(`decompose: ${operator} (node '${name || outputs[0]?.name}'): ${expected}`);
}

/** The operand at an index; throws where it is absent. */
export function operand(c: DecomposeContext, index: number): Value {
  return c.node.inputs[index] ?? refuse(c, `expected operand ${index}, got none`);
}

/** A number attribute, or what it is by default. */
export const setting = ({ node }: DecomposeContext, name: string, fallback: number): number =>
  numberAttribute(node, name, fallback);

/** The shape of an operand whose number of axes must be known. */
export const shapeOf = (c: DecomposeContext, value: Value): Shape =>
  value.shape ?? refuse(c, `expected '${value.name}' with a known number of axes, got none`);

/** True when somebody may read the output. */
export const isRead = ({ node }: DecomposeContext, index: number): boolean => (node.outputs[index]?.name ?? '') !== '';

/** The extent of an axis as an int64 scalar, computed at run time where it is not known. */
export function extent({ builder, op }: DecomposeContext, value: Value, axis: number): Value {
  const known = value.shape?.[axis];
  if (typeof known === 'number') return builder.scalar(known, 'int64');
  return op.Squeeze(op.Shape(value, { start: axis, end: axis + 1 }), builder.ints(0));
}

/** 0, 1, … below a count, int64. */
export const countTo = ({ builder, op }: DecomposeContext, count: Value): Value =>
  op.Range(builder.scalar(0, 'int64'), count, builder.scalar(1, 'int64'));

/** 0 where the condition holds, else `other`, in the type of `like`. */
export const bias = ({ builder, op }: DecomposeContext, holds: Value, other: number, like: Value): Value =>
  op.Where(holds, builder.scalar(0, like.dtype), builder.scalar(other, like.dtype));
