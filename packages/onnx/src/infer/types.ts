import type { Value } from '../model.js';
import type { Shape } from '../shape.js';
import type { OtherType, ValueType } from '../value-type.js';
import type { TypeInfo } from './rule.js';

type Holder = Extract<ValueType, { kind: 'sequence' | 'optional' }>;

/** What two shapes have in common. */
export function commonShape(a: Shape | undefined, b: Shape | undefined): Shape | undefined {
  return a && b && a.length === b.length ? a.map((d, i) => (d === b[i] ? d : null)) : undefined;
}

/** The type of a value, tensor or not; undefined when nothing is known. */
export const typeOf = (value: Value | undefined): ValueType | undefined =>
  value?.type ??
  (value?.dtype || value?.shape ? { kind: 'tensor', dtype: value.dtype, shape: value.shape } : undefined);

/** A type as what a rule returns. */
export const infoOf = (type: ValueType | undefined): TypeInfo =>
  type === undefined || type.kind === 'tensor'
    ? { dtype: type?.dtype, shape: type?.shape }
    : { dtype: undefined, shape: undefined, type };

/** What a value of either type is. */
export function commonType(a: ValueType | undefined, b: ValueType | undefined): ValueType | undefined {
  if (!a || !b || a.kind !== b.kind) return undefined;
  if (a.kind === 'tensor' && b.kind === 'tensor') {
    return { kind: 'tensor', dtype: a.dtype === b.dtype ? a.dtype : undefined, shape: commonShape(a.shape, b.shape) };
  }
  const isHolder = (t: ValueType): t is Holder => t.kind === 'sequence' || t.kind === 'optional';
  return isHolder(a) && isHolder(b) ? { kind: a.kind, element: commonType(a.element, b.element) } : undefined;
}

/** The type with nothing said of sizes and ranks, which may change from one run of a body to the next. */
export function withoutShape(type: ValueType): ValueType {
  if (type.kind === 'tensor') return { kind: 'tensor', dtype: type.dtype, shape: undefined };
  if (type.kind !== 'sequence' && type.kind !== 'optional') return type;
  return { kind: type.kind, element: type.element && withoutShape(type.element) };
}

/** A sequence of elements of one type. */
export const sequenceOf = (element: ValueType | undefined): OtherType => ({ kind: 'sequence', element });
