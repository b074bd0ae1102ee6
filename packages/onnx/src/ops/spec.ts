import type { Graph } from '../model.js';
import type { SparseTensor, Tensor } from '../tensor.js';
import type { ValueType } from '../value-type.js';

/** Values of attributes by the type their operator states. */
export interface AttributeValues {
  int: number;
  float: number;
  string: string;
  ints: readonly number[];
  floats: readonly number[];
  strings: readonly string[];
  tensor: Tensor;
  sparse: SparseTensor;
  type: ValueType;
  graph: Graph;
}

/** Name of an attribute's type, in ONNX's own words. */
export type AttributeKind = keyof AttributeValues;

/** An attribute's type, with `!` when it must be given. */
export type AttributeSpec = AttributeKind | `${AttributeKind}!`;

/** How one operator is called. `out` is 1 when absent; `'...'` where the shape rule says how many. */
export interface OpSpec {
  readonly in: readonly string[];
  readonly attrs?: Readonly<Record<string, AttributeSpec>>;
  readonly out?: number | '...';
  /** How many results a node has at least and at most, where some may be left out at the end. */
  readonly outs?: readonly [least: number, most: number];
  /** The operator set that brought the operator, where that is above the builder's. */
  readonly since?: number;
}

/** One operand. */
export const unary = { in: ['x'] } as const;

/** Two operands. */
export const binary = { in: ['a', 'b'] } as const;
