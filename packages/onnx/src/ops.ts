/**
 * The one list of operators the builder can write, with their inputs, attributes and outputs, in ONNX's own names
 * (https://onnx.ai/onnx/operators, operator set 20). Shape rules (`infer/`) and gradient rules are tables over its keys.
 *
 * Inputs: `x` required, `x?` optional, `...xs` any number, always last. Attributes: the ONNX type, `!` when required.
 */
import type { Graph, Value } from './model.js';
import type { Tensor } from './tensor.js';

type AttributeKind = 'int' | 'float' | 'string' | 'ints' | 'floats' | 'tensor' | 'graph';
type AttributeSpec = AttributeKind | `${AttributeKind}!`;

/** How one operator is called. `out` is 1 when absent; `'...'` where the shape rule says how many. */
export interface OpSpec {
  readonly in: readonly string[];
  readonly attrs?: Readonly<Record<string, AttributeSpec>>;
  readonly out?: number | '...';
}

const unary = { in: ['x'] } as const;
const binary = { in: ['a', 'b'] } as const;
const reduction = { in: ['data', 'axes?'], attrs: { keepdims: 'int', noop_with_empty_axes: 'int' } } as const;
const arg = { in: ['data'], attrs: { axis: 'int', keepdims: 'int', select_last_index: 'int' } } as const;

/** Operator → inputs, attributes, outputs. */
export const ops = {
  Abs: unary,
  Add: binary,
  And: binary,
  ArgMax: arg,
  ArgMin: arg,
  Cast: { in: ['x'], attrs: { to: 'int!' } },
  Ceil: unary,
  Clip: { in: ['x', 'min?', 'max?'] },
  Concat: { in: ['...xs'], attrs: { axis: 'int!' } },
  ConstantOfShape: { in: ['shape'], attrs: { value: 'tensor' } },
  Cos: unary,
  CumSum: { in: ['x', 'axis'], attrs: { exclusive: 'int', reverse: 'int' } },
  Div: binary,
  Dropout: { in: ['data', 'ratio?', 'training_mode?'], attrs: { seed: 'int' } },
  Equal: binary,
  Erf: unary,
  Exp: unary,
  Expand: { in: ['x', 'shape'] },
  Flatten: { in: ['x'], attrs: { axis: 'int' } },
  Floor: unary,
  Gather: { in: ['data', 'indices'], attrs: { axis: 'int' } },
  GatherElements: { in: ['data', 'indices'], attrs: { axis: 'int' } },
  GatherND: { in: ['data', 'indices'], attrs: { batch_dims: 'int' } },
  Gelu: { in: ['x'], attrs: { approximate: 'string' } },
  Gemm: { in: ['a', 'b', 'c?'], attrs: { alpha: 'float', beta: 'float', transA: 'int', transB: 'int' } },
  Greater: binary,
  GreaterOrEqual: binary,
  Identity: unary,
  If: { in: ['condition'], attrs: { then_branch: 'graph!', else_branch: 'graph!' }, out: '...' },
  IsNaN: unary,
  LayerNormalization: {
    in: ['x', 'scale', 'bias?'],
    attrs: { axis: 'int', epsilon: 'float', stash_type: 'int' },
    out: 3,
  },
  Less: binary,
  LessOrEqual: binary,
  Log: unary,
  LogSoftmax: { in: ['x'], attrs: { axis: 'int' } },
  Loop: { in: ['count?', 'condition?', '...state'], attrs: { body: 'graph!' }, out: '...' },
  MatMul: binary,
  Max: { in: ['...xs'] },
  Min: { in: ['...xs'] },
  Mod: { in: ['a', 'b'], attrs: { fmod: 'int' } },
  Mul: binary,
  Neg: unary,
  Not: unary,
  OneHot: { in: ['indices', 'depth', 'values'], attrs: { axis: 'int' } },
  Or: binary,
  Pad: { in: ['x', 'pads', 'value?', 'axes?'], attrs: { mode: 'string' } },
  Pow: binary,
  Range: { in: ['start', 'limit', 'delta'] },
  Reciprocal: unary,
  ReduceMax: reduction,
  ReduceMean: reduction,
  ReduceMin: reduction,
  ReduceProd: reduction,
  ReduceSum: reduction,
  Relu: unary,
  Reshape: { in: ['data', 'shape'], attrs: { allowzero: 'int' } },
  Round: unary,
  ScatterElements: { in: ['data', 'indices', 'updates'], attrs: { axis: 'int', reduction: 'string' } },
  ScatterND: { in: ['data', 'indices', 'updates'], attrs: { reduction: 'string' } },
  Shape: { in: ['x'], attrs: { start: 'int', end: 'int' } },
  Sigmoid: unary,
  Sign: unary,
  Sin: unary,
  Slice: { in: ['data', 'starts', 'ends', 'axes?', 'steps?'] },
  Softmax: { in: ['x'], attrs: { axis: 'int' } },
  Softplus: unary,
  Split: { in: ['x', 'split?'], attrs: { axis: 'int', num_outputs: 'int' }, out: '...' },
  Sqrt: unary,
  Squeeze: { in: ['x', 'axes?'] },
  Sub: binary,
  Tanh: unary,
  Tile: { in: ['x', 'repeats'] },
  Transpose: { in: ['x'], attrs: { perm: 'ints' } },
  Trilu: { in: ['x', 'k?'], attrs: { upper: 'int' } },
  Unsqueeze: { in: ['x', 'axes'] },
  Where: { in: ['condition', 'x', 'y'] },
  Xor: binary,
} as const satisfies Record<string, OpSpec>;

/** Name of an operator in the table. */
export type OpType = keyof typeof ops;

/** True when the name is in the table. */
export const isOpType = (name: string): name is OpType => Object.hasOwn(ops, name);

/** What may stand as an operand: a value, or a number that becomes a scalar constant of the other operand's type. */
export type Operand = Value | number;

interface AttributeValues {
  int: number;
  float: number;
  string: string;
  ints: readonly number[];
  floats: readonly number[];
  tensor: Tensor;
  graph: Graph;
}
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

/** What `op.<K>(…)` returns: one value, three, or as many as the operator makes. */
export type Results<K extends OpType> =
  SpecOf<K> extends { out: 3 } ? [Value, Value, Value] : SpecOf<K> extends { out: '...' } ? Value[] : Value;

/** One function an operator, named exactly like it. */
export type OpFunctions = { readonly [K in OpType]: (...args: Arguments<K>) => Results<K> };
