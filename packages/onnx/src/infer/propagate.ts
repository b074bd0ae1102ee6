import type { Node, Value } from '../model.js';
import { type Dim, product, quotient } from '../shape.js';
import { elementsOf, numberAttribute } from './rule.js';

/** What shapes are computed with: elements of short vectors and scalars, where a name stands for a size that is not known. */
type Elements = readonly Dim[] | undefined;

type Combine = (a: Dim, b: Dim, node: Node) => Dim;

const numeric =
  (f: (a: number, b: number, node: Node) => number): Combine =>
  (a, b, node) =>
    typeof a === 'number' && typeof b === 'number' ? f(a, b, node) : null;

/** Sizes are no less than 0, so that a name is no negative number. */
function equal(a: Dim, b: Dim): Dim {
  if (a === null || b === null) return null;
  if (a === b) return 1;
  const [least] = [a, b].filter((x) => typeof x === 'number');
  return typeof a === typeof b && typeof a === 'number' ? 0 : least !== undefined && least < 0 ? 0 : null;
}

/** ONNX divides integers towards zero. */
const divide: Combine = (a, b) =>
  typeof a === 'number' && typeof b === 'number' ? (b === 0 ? null : Math.trunc(a / b)) : quotient(a, b);

/** The sign of the divisor; with `fmod` that of the dividend. */
const modulo = numeric((a, b, node) =>
  numberAttribute(node, 'fmod', 0) === 1 || a % b === 0 || a < 0 === b < 0 ? a % b : (a % b) + b,
);

const add = (a: Dim, b: Dim): Dim => {
  if (a === 0 || b === 0) return a === 0 ? b : a;
  return typeof a === 'number' && typeof b === 'number' ? a + b : null;
};

/** A name times a number below 0 is no size. */
const multiply: Combine = (a, b, node) =>
  [a, b].some((x) => typeof x === 'number' && x < 0) ? numeric((x, y) => x * y)(a, b, node) : product([a, b]);

const combine: { readonly [opType: string]: Combine } = {
  Add: add,
  And: numeric((a, b) => a && b),
  Div: divide,
  Equal: equal,
  Greater: numeric((a, b) => Number(a > b)),
  GreaterOrEqual: numeric((a, b) => Number(a >= b)),
  Less: numeric((a, b) => Number(a < b)),
  LessOrEqual: numeric((a, b) => Number(a <= b)),
  Max: (a, b, node) => (a === b ? a : numeric((x, y) => Math.max(x, y))(a, b, node)),
  Min: (a, b, node) => (a === b ? a : numeric((x, y) => Math.min(x, y))(a, b, node)),
  Mod: modulo,
  Mul: multiply,
  Or: numeric((a, b) => a || b),
  Sub: (a, b, node) => (b === 0 ? a : a === b && a !== null ? 0 : numeric((x, y) => x - y)(a, b, node)),
  Sum: add,
};

const isVector = (v: Value | undefined): boolean => (v?.shape?.length ?? 2) <= 1;
const isCounting = (v: Value | undefined): boolean =>
  v?.dtype === 'int64' || v?.dtype === 'int32' || v?.dtype === 'bool';

/** Integers have no negative zero. */
const plain = (x: Dim): Dim => (x === 0 ? 0 : x);

/** One result an element; the short operand (a scalar, or one element) serves for all. */
function zip(lists: readonly (readonly Dim[])[], f: (row: readonly Dim[]) => Dim): readonly Dim[] {
  const n = lists.some((l) => l.length === 0) ? 0 : lists.reduce((most, l) => Math.max(most, l.length), 0);
  return Array.from({ length: n }, (_, i) => plain(f(lists.map((l) => l[l.length === 1 ? 0 : i] ?? null))));
}

/** Elements of the operands, when all are known and short. */
function operandElements(node: Node): readonly (readonly Dim[])[] | undefined {
  const lists = node.inputs.map((v) => (isVector(v) ? elementsOf(v) : undefined));
  return lists.length > 0 && lists.every((l) => l !== undefined) ? lists : undefined;
}

/** Arithmetic, comparison and logic on computed shapes, so that `Reshape` targets stay known. */
export function combinedElements(node: Node): Elements {
  const f = combine[node.opType];
  const lists = f && node.inputs.every(isCounting) ? operandElements(node) : undefined;
  return f && lists && zip(lists, (row) => row.slice(1).reduce((a, b) => f(a, b, node), row[0] ?? null));
}

/** Picks one or the other; what is the same in both needs no condition. */
export function chosenElements(node: Node): Elements {
  const lists = node.inputs.slice(1).every(isCounting) ? operandElements(node) : undefined;
  return lists && zip(lists, ([c, x, y]) => (c === 1 || x === y ? (x ?? null) : c === 0 ? (y ?? null) : null));
}

const unary: { readonly [opType: string]: (x: Dim) => Dim } = {
  Abs: (x) => (typeof x === 'number' ? Math.abs(x) : x),
  Neg: (x) => (typeof x === 'number' ? 0 - x : null),
  Not: (x) => (typeof x === 'number' ? 1 - x : null),
};

/** Functions of one computed shape. */
export function mappedElements(node: Node): Elements {
  const f = unary[node.opType];
  const [x] = node.inputs;
  return f && isCounting(x) ? elementsOf(x)?.map(f) : undefined;
}

const folds: { readonly [opType: string]: (elements: readonly Dim[]) => Dim } = {
  ReduceMax: (e) => (e.every((x) => typeof x === 'number') ? Math.max(...e) : null),
  ReduceMin: (e) => (e.every((x) => typeof x === 'number') ? Math.min(...e) : null),
  ReduceProd: product,
  ReduceSum: (e) => e.reduce(add, 0),
};

/** A computed shape folded to one element: the number of elements, for one. */
export function foldedElements(node: Node): Elements {
  const f = folds[node.opType];
  const [x] = node.inputs;
  const elements = f && isCounting(x) && x?.shape?.length === 1 ? elementsOf(x) : undefined;
  return f && elements && elements.length > 0 ? [f(elements)] : undefined;
}
