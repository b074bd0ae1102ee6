/**
 * The one list of operators the builder can write, with their inputs, attributes and outputs, in ONNX's own names
 * (https://onnx.ai/onnx/operators), by theme in `ops/`. Shape rules (`infer/`) and gradient rules are tables over its keys.
 *
 * Inputs: `x` required, `x?` optional, `...xs` any number, always last. Attributes: the ONNX type, `!` when required.
 */
import type { Value } from './model.js';
import { activation } from './ops/activation.js';
import { arithmetic } from './ops/arithmetic.js';
import { attention } from './ops/attention.js';
import { control } from './ops/control.js';
import { convolution } from './ops/convolution.js';
import { elementwise } from './ops/elementwise.js';
import { generation } from './ops/generation.js';
import { image } from './ops/image.js';
import { movement } from './ops/movement.js';
import { neural } from './ops/neural.js';
import { normalization } from './ops/normalization.js';
import { quantized } from './ops/quantized.js';
import { recurrent } from './ops/recurrent.js';
import { reduction } from './ops/reduction.js';
import { selection } from './ops/selection.js';
import { sequence } from './ops/sequence.js';
import { signal } from './ops/signal.js';
import type { AttributeKind, AttributeValues, OpSpec } from './ops/spec.js';
import { text } from './ops/text.js';

export type { OpSpec } from './ops/spec.js';

/** Operator → inputs, attributes, outputs. */
export const ops = {
  ...activation,
  ...arithmetic,
  ...attention,
  ...control,
  ...convolution,
  ...elementwise,
  ...generation,
  ...image,
  ...movement,
  ...neural,
  ...normalization,
  ...quantized,
  ...recurrent,
  ...reduction,
  ...selection,
  ...sequence,
  ...signal,
  ...text,
} as const satisfies Record<string, OpSpec>;

/** Name of an operator in the table. */
export type OpType = keyof typeof ops;

/** True when the name is in the table. */
export const isOpType = (name: string): name is OpType => Object.hasOwn(ops, name);

/** What may stand as an operand: a value, or a number that becomes a scalar constant of the other operand's type. */
export type Operand = Value | number;

type AttributeValue<S> = S extends `${infer K extends AttributeKind}!`
  ? AttributeValues[K]
  : S extends AttributeKind
    ? AttributeValues[S]
    : never;
type RequiredKeys<A> = { [K in keyof A]: A[K] extends `${string}!` ? K : never }[keyof A];
type SpecOf<K extends OpType> = (typeof ops)[K];
type RawAttributes<K extends OpType> = SpecOf<K> extends { attrs: infer A } ? A : Record<never, never>;

/** The attributes of an operator as plain values. */
export type Attributes<K extends OpType> = {
  [A in RequiredKeys<RawAttributes<K>>]: AttributeValue<RawAttributes<K>[A]>;
} & { [A in Exclude<keyof RawAttributes<K>, RequiredKeys<RawAttributes<K>>>]?: AttributeValue<RawAttributes<K>[A]> };

type Operands<N, O, Before extends unknown[] = []> = N extends readonly [infer H extends string, ...infer R]
  ? H extends `...${string}`
    ? [...Before, readonly O[]]
    : H extends `${string}?`
      ? Before | Operands<R, O, [...Before, O | undefined]>
      : Operands<R, O, [...Before, O]>
  : Before;
type AttributeArgument<K extends OpType> = [keyof RawAttributes<K>] extends [never]
  ? []
  : [RequiredKeys<RawAttributes<K>>] extends [never]
    ? [attributes?: Attributes<K>]
    : [attributes: Attributes<K>];

type WithAttributes<P, K extends OpType> = P extends unknown[] ? [...P, ...AttributeArgument<K>] : never;

/** Arguments of `op.<K>(…)`: the inputs up to any optional one, then the attributes; any number of inputs comes as one array. */
export type Arguments<K extends OpType> = WithAttributes<Operands<SpecOf<K>['in'], Operand>, K>;

interface Tuples {
  2: [Value, Value];
  3: [Value, Value, Value];
  4: [Value, Value, Value, Value];
  '...': Value[];
}

/** What `op.<K>(…)` returns: one value, two to four, or as many as the operator makes. */
export type Results<K extends OpType> = SpecOf<K> extends { out: infer N extends keyof Tuples } ? Tuples[N] : Value;

/** One function an operator, named exactly like it. */
export type OpFunctions = { readonly [K in OpType]: (...args: Arguments<K>) => Results<K> };
