import type { DType } from '../dtype.js';
import { OnnxError } from '../errors.js';
import type { Attribute, Node, Value } from '../model.js';
import type { Dim, Shape } from '../shape.js';

/** What is known of one output. */
export interface TypeInfo {
  readonly dtype: DType | undefined;
  readonly shape: Shape | undefined;
  /** Elements of a small integer vector or scalar, where they are known symbolically. */
  readonly elements?: readonly Dim[] | undefined;
}

/** From a node's inputs and attributes to the types of its outputs. */
export type InferRule = (node: Node) => TypeInfo[];

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

/** Axes as an input, or as the attribute of operator sets before 13 (18 for most reductions); undefined when not known. */
export function axesOf(node: Node, index: number): readonly number[] | undefined {
  return node.inputs[index] ? integersOf(node.inputs[index]) : intsAttribute(node, 'axes');
}

/** The known integer elements of a value: of an initializer, or of a computed shape. */
export function elementsOf(value: Value | undefined): readonly Dim[] | undefined {
  if (!value) return undefined;
  if (value.elements) return value.elements;
  const t = value.tensor;
  if (!t || t.dims.length > 1 || t.data.length > 64 || (t.dtype !== 'int64' && t.dtype !== 'int32')) return undefined;
  return Array.from(t.data as BigInt64Array | Int32Array, Number);
}

/** Known elements that are all numbers, else undefined. */
export function integersOf(value: Value | undefined): readonly number[] | undefined {
  const elements = elementsOf(value);
  return elements?.every((e) => typeof e === 'number') ? (elements as readonly number[]) : undefined;
}
