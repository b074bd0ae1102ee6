import type { DType } from '../dtype.js';
import { dtypeOfCode, isDType } from '../dtype.js';
import type { Node, Value } from '../model.js';
import { broadcast, type Dim, type Shape } from '../shape.js';
import { chosenElements, combinedElements, mappedElements } from './propagate.js';
import { elementsOf, type InferRule, numberAttribute, stringAttribute, type TypeInfo } from './rule.js';

const known = (node: Node): Value[] => node.inputs.filter((v): v is Value => v !== undefined);

/** The broadcast shape of some values; undefined when one is unknown. */
export function broadcastOf(values: readonly Value[]): Shape | undefined {
  return values.every((v) => v.shape) ? values.reduce<Shape>((s, v) => broadcast(s, v.shape as Shape), []) : undefined;
}

/** One output of the first input's type. */
export const same: InferRule = (node) => [{ dtype: node.inputs[0]?.dtype, shape: node.inputs[0]?.shape }];

/** One output that is the first input. */
const identity: InferRule = ({ inputs: [x] }) => [
  { dtype: x?.dtype, shape: x?.shape, elements: elementsOf(x), type: x?.type },
];

/** Before operator set 7 the second operand was spread over the first where the node said so. */
const joinedShape = (node: Node, opset: number): Shape | undefined =>
  opset < 7 && numberAttribute(node, 'broadcast', 0) === 1 ? node.inputs[0]?.shape : broadcastOf(known(node));

/** Broadcasting, element type of the first operand. */
export const arithmetic: InferRule = (node, opset) => [
  { dtype: known(node)[0]?.dtype, shape: joinedShape(node, opset), elements: combinedElements(node) },
];

/** Broadcasting to truth values. */
export const comparison: InferRule = (node, opset) => [
  { dtype: 'bool', shape: joinedShape(node, opset), elements: combinedElements(node) },
];

const toBool: InferRule = (node) => [{ dtype: 'bool', shape: node.inputs[0]?.shape, elements: mappedElements(node) }];

const mapped: InferRule = (node) => [
  { dtype: node.inputs[0]?.dtype, shape: node.inputs[0]?.shape, elements: mappedElements(node) },
];

/** The mask is as wide as the data; of truth values since operator set 10. */
const Dropout: InferRule = (node, opset) => [
  ...identity(node, opset),
  { dtype: opset < 10 ? node.inputs[0]?.dtype : 'bool', shape: node.inputs[0]?.shape },
];

/** Before operator set 6 the type was a name of `TensorProto.DataType`. */
function castType(node: Node): DType | undefined {
  const name = stringAttribute(node, 'to')?.toLowerCase();
  if (name === undefined) return dtypeOfCode(numberAttribute(node, 'to', 1));
  const own = { float: 'float32', double: 'float64' }[name] ?? name;
  return isDType(own) ? own : undefined;
}

/** Elements of a shape after a change of type: the same numbers, or truth values of them. */
function castElements(dtype: DType | undefined, from: Value | undefined): readonly Dim[] | undefined {
  if (dtype === 'int64' || dtype === 'int32') return elementsOf(from);
  return dtype === 'bool' ? elementsOf(from)?.map((x) => (typeof x === 'number' ? Number(x !== 0) : null)) : undefined;
}

const Cast: InferRule = (node): TypeInfo[] => {
  const dtype = castType(node);
  return [{ dtype, shape: node.inputs[0]?.shape, elements: castElements(dtype, node.inputs[0]) }];
};

const Where: InferRule = (node) => [
  { dtype: node.inputs[1]?.dtype, shape: broadcastOf(known(node)), elements: chosenElements(node) },
];

/** Shape rules of operators that work element by element. */
export const elementwise = {
  Abs: mapped,
  Add: arithmetic,
  And: comparison,
  Cast,
  Ceil: same,
  Clip: same,
  Cos: same,
  CumSum: same,
  Div: arithmetic,
  Dropout,
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
  Neg: mapped,
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
