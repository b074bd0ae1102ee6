import type { Graph } from '../model.js';
import type { Tensor } from '../tensor.js';

/** Values of attributes by the type their operator states. */
export interface AttributeValues {
  int: number;
  float: number;
  string: string;
  ints: readonly number[];
  floats: readonly number[];
  strings: readonly string[];
  tensor: Tensor;
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
}

/** One operand. */
export const unary = { in: ['x'] } as const;

/** Two operands. */
export const binary = { in: ['a', 'b'] } as const;
