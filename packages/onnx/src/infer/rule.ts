import type { DType } from '../dtype.js';
import { OnnxError } from '../errors.js';
import type { Attribute, Node, Value } from '../model.js';
import type { Dim, Shape } from '../shape.js';
import { sizeOf, type Tensor } from '../tensor.js';
import type { OtherType } from '../value-type.js';

/** What is known of one output. */
export interface TypeInfo {
  readonly dtype: DType | undefined;
  readonly shape: Shape | undefined;
  /** Elements of a small integer vector or scalar, where they are known symbolically. */
  readonly elements?: readonly Dim[] | undefined;
  /** The type when it is not a dense tensor. */
  readonly type?: OtherType | undefined;
}

/** From a node's inputs and attributes to the types of its outputs; `opset` is the version its domain is imported in. */
export type InferRule = (node: Node, opset: number) => TypeInfo[];

/** The node's input at an index; throws when it is absent. */
export function input(node: Node, index: number): Value {
  const value = node.inputs[index];
  if (!value) throw new OnnxError(`${node.opType}: expected input ${index}, got none`);
  return value;
}

/** Shape of an input, undefined when unknown or absent. */
export const shapeAt = (node: Node, index: number): Shape | undefined => node.inputs[index]?.shape;

/** An integer or float attribute, with ONNX's default. */
export function numberAttribute(node: Node, name: string, fallback: number): number {
  const a = node.attributes[name] as Attribute | undefined;
  return a && (a.type === 'int' || a.type === 'float') ? a.value : fallback;
}

/** A list attribute of integers, undefined when absent. */
export function intsAttribute(node: Node, name: string): readonly number[] | undefined {
  const a = node.attributes[name] as Attribute | undefined;
  return a?.type === 'ints' ? a.value : undefined;
}

/** A list attribute of floats, undefined when absent. */
export function floatsAttribute(node: Node, name: string): readonly number[] | undefined {
  const a = node.attributes[name] as Attribute | undefined;
  return a?.type === 'floats' ? a.value : undefined;
}

/** A string attribute, undefined when absent. */
export function stringAttribute(node: Node, name: string): string | undefined {
  const a = node.attributes[name] as Attribute | undefined;
  return a?.type === 'string' ? a.value : undefined;
}

/** A tensor attribute, undefined when absent. */
export function tensorAttribute(node: Node, name: string): Tensor | undefined {
  const a = node.attributes[name] as Attribute | undefined;
  return a?.type === 'tensor' ? a.value : undefined;
}

/** Axes as an input, or as the attribute of operator sets before 13 (18 for most reductions); undefined when not known. */
export function axesOf(node: Node, index: number): readonly number[] | undefined {
  return node.inputs[index] ? integersOf(node.inputs[index]) : intsAttribute(node, 'axes');
}

/** The elements of a short vector or scalar of integers or truth values; the data of any other tensor is left alone. */
export function tensorElements(content: Tensor): readonly Dim[] | undefined {
  const { dtype, dims } = content;
  const short = dims.length <= 1 && sizeOf(dims) <= 64;
  return short && (dtype === 'int64' || dtype === 'int32' || dtype === 'bool')
    ? Array.from(content.data as BigInt64Array | Int32Array | Uint8Array, Number)
    : undefined;
}

/** The known integer elements of a value: of an initializer, or of a computed shape. */
export const elementsOf = (value: Value | undefined): readonly Dim[] | undefined =>
  value?.elements ?? (value?.tensor && tensorElements(value.tensor));

/** Known elements that are all numbers, else undefined. */
export function integersOf(value: Value | undefined): readonly number[] | undefined {
  const elements = elementsOf(value);
  return elements?.every((e) => typeof e === 'number') ? (elements as readonly number[]) : undefined;
}
