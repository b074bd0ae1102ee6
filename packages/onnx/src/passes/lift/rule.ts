import type { GraphBuilder } from '../../builder.js';
import { OnnxError } from '../../errors.js';
import type { Attribute, Node, Value } from '../../model.js';

/** The operator set that models are lifted to: the first with `RMSNormalization`, `Attention` and `RotaryEmbedding`. */
export const LIFTED_OPSET = 23;

/** What a rule sees beside the node. */
export interface LiftContext {
  readonly builder: GraphBuilder;
  /** The operator set that the node is written in. */
  readonly opset: number;
}

/** Writes a node of an older (or newer) operator set in set 23; undefined where it means the same there. */
export type LiftRule = (node: Node, context: LiftContext) => readonly (Value | undefined)[] | undefined;

/** Refuses a node that cannot be written in set 23. */
export function refuse({ opType, name, outputs }: Node, opset: number, expected: string): never {
  throw new OnnxError(
    `lift: ${opType} (node '${name || outputs[0]?.name}', operator set ${opset}): ${expected}; set ${LIFTED_OPSET} cannot say it`,
  );
}

/** The attributes but the named ones, with others added. */
export function attributesWithout(
  { attributes }: Node,
  names: readonly string[],
  more: Readonly<Record<string, Attribute>> = {},
): Record<string, Attribute> {
  return { ...Object.fromEntries(Object.entries(attributes).filter(([name]) => !names.includes(name))), ...more };
}

/** An attribute's value where it has the type, else undefined. In functions, one that the call gives is refused. */
export function attributeOf<T extends Attribute['type']>(
  node: Node,
  name: string,
  type: T,
): Extract<Attribute, { readonly type: T }>['value'] | undefined {
  const a = Object.hasOwn(node.attributes, name) ? node.attributes[name] : undefined;
  return (a?.type === type ? a.value : undefined) as never;
}

/** An optional output of a node that somebody may read. */
export const hasOutput = (node: Node, index: number): boolean => (node.outputs[index]?.name ?? '') !== '';
