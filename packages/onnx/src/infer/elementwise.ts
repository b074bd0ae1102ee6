import type { DType } from '../dtype.js';
import { dtypeOfCode } from '../dtype.js';
import type { Node, Value } from '../model.js';
import { broadcast, type Dim, product, quotient, type Shape } from '../shape.js';
import { elementsOf, type InferRule, numberAttribute, type TypeInfo } from './rule.js';

const known = (node: Node): Value[] => node.inputs.filter((v): v is Value => v !== undefined);

/** The broadcast shape of some values; undefined when one is unknown. */
export function broadcastOf(values: readonly Value[]): Shape | undefined {
  return values.every((v) => v.shape) ? values.reduce<Shape>((s, v) => broadcast(s, v.shape as Shape), []) : undefined;
}

/** One output of the first input's type. */
export const same: InferRule = (node) => [{ dtype: node.inputs[0]?.dtype, shape: node.inputs[0]?.shape }];

/** One output that is the first input. */
const identity: InferRule = (node) => [
  { dtype: node.inputs[0]?.dtype, shape: node.inputs[0]?.shape, elements: elementsOf(node.inputs[0]) },
];

const combine: { readonly [op: string]: (a: Dim, b: Dim) => Dim } = {
  Mul: (a, b) => product([a, b]),
  Div: (a, b) => quotient(a, b),
  Add: (a, b) => (typeof a === 'number' && typeof b === 'number' ? a + b : null),
  Sub: (a, b) => (typeof a === 'number' && typeof b === 'number' ? a - b : null),
};

/** Integer arithmetic on computed shapes, so that `Reshape` targets stay known. */
function combinedElements(node: Node): readonly Dim[] | undefined {
  const f = combine[node.opType];
  const [a, b] = node.inputs;
  if (!f || (a?.dtype !== 'int64' && a?.dtype !== 'int32')) return undefined;
  const [x, y] = [elementsOf(a), elementsOf(b)];
  if (!x || !y || (a.shape?.length ?? 2) > 1 || (b?.shape?.length ?? 2) > 1) return undefined;
  const n = Math.max(x.length, y.length);
  return Array.from({ length: n }, (_, i) => f(x[x.length === 1 ? 0 : i] ?? null, y[y.length === 1 ? 0 : i] ?? null));
}

/** Broadcasting, element type of the first operand. */
export const arithmetic: InferRule = (node) => {
  const values = known(node);
  return [{ dtype: values[0]?.dtype, shape: broadcastOf(values), elements: combinedElements(node) }];
};

/** Broadcasting to truth values. */
export const comparison: InferRule = (node) => [{ dtype: 'bool', shape: broadcastOf(known(node)) }];

const toBool: InferRule = (node) => [{ dtype: 'bool', shape: node.inputs[0]?.shape }];

const Cast: InferRule = (node): TypeInfo[] => {
  const dtype: DType | undefined = dtypeOfCode(numberAttribute(node, 'to', 1));
  const integer = dtype === 'int64' || dtype === 'int32';
  return [{ dtype, shape: node.inputs[0]?.shape, elements: integer ? elementsOf(node.inputs[0]) : undefined }];
};

const Where: InferRule = (node) => [{ dtype: node.inputs[1]?.dtype, shape: broadcastOf(known(node)) }];

/** Shape rules of operators that work element by element. */
export const elementwise = {
  Abs: same,
  Add: arithmetic,
  And: comparison,
  Cast,
  Ceil: same,
  Clip: same,
  Cos: same,
  CumSum: same,
  Div: arithmetic,
  Dropout: identity,
  Equal: comparison,
  Erf: same,
  Exp: same,
  Floor: same,
  Gelu: same,
  Greater: comparison,
  GreaterOrEqual: comparison,
  HardSigmoid: same,
  Identity: identity,
  IsNaN: toBool,
  Less: comparison,
  LessOrEqual: comparison,
  Log: same,
  LogSoftmax: same,
  Max: arithmetic,
  Min: arithmetic,
  Mod: arithmetic,
  Mul: arithmetic,
  Neg: same,
  Not: toBool,
  Or: comparison,
  Pow: arithmetic,
  Reciprocal: same,
  Relu: same,
  Round: same,
  Sigmoid: same,
  Sign: same,
  Sin: same,
  Softmax: same,
  Softplus: same,
  Sqrt: same,
  Sub: arithmetic,
  Tanh: same,
  Trilu: same,
  Where,
  Xor: comparison,
} as const satisfies Record<string, InferRule>;
