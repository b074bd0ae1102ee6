import { OnnxError } from '../errors.js';
import type { Node } from '../model.js';
import { axisOf, broadcast, type Dim, product, quotient, type Shape, showShape } from '../shape.js';
import { numbersOf } from './constant.js';
import {
  axesOf,
  elementsOf,
  type InferRule,
  integersOf,
  intsAttribute,
  numberAttribute,
  shapeAt,
  type TypeInfo,
  tensorAttribute,
  tensorElements,
} from './rule.js';
import { Slice } from './slice.js';
import { repeated, unknownOfLength } from './vector.js';

const dtypeOf = (node: Node, index = 0) => node.inputs[index]?.dtype;
const one = (node: Node, shape: Shape | undefined, elements?: readonly Dim[]): TypeInfo[] => [
  { dtype: dtypeOf(node), shape, elements },
];

const Reshape: InferRule = (node) => {
  const from = shapeAt(node, 0);
  const to = node.attributes.shape ? intsAttribute(node, 'shape') : elementsOf(node.inputs[1]);
  if (!to) return one(node, unknownOfLength(shapeAt(node, 1)?.[0]));
  const keepZero = numberAttribute(node, 'allowzero', 0) === 1;
  const dims = to.map((d, i) => (d === 0 && !keepZero ? (from?.[i] ?? null) : d));
  const at = dims.indexOf(-1);
  if (at >= 0) dims[at] = from ? quotient(product(from), product(dims.filter((_, i) => i !== at))) : null;
  const [before, after] = [from && product(from), product(dims)];
  if (typeof before === 'number' && typeof after === 'number' && before !== after) {
    throw new OnnxError(`Reshape: expected ${before} elements as in ${showShape(from)}, got ${showShape(dims)}`);
  }
  return one(node, dims, elementsOf(node.inputs[0]));
};

const Transpose: InferRule = (node) => {
  const shape = shapeAt(node, 0);
  const perm = intsAttribute(node, 'perm') ?? shape?.map((_, i) => shape.length - 1 - i);
  return one(node, shape && perm?.map((p) => shape[axisOf(p, shape.length)] ?? null));
};

const sum = (dims: readonly (Dim | undefined)[]): Dim =>
  dims.every((d) => typeof d === 'number') ? (dims as number[]).reduce((a, b) => a + b, 0) : null;

/** What all shapes say of a dimension that they share; a number before a name. */
function sharedDim(shapes: readonly (Shape | undefined)[], i: number): Dim {
  const dims = shapes.map((s) => s?.[i] ?? null).filter((d) => d !== null);
  return dims.find((d) => typeof d === 'number') ?? dims[0] ?? null;
}

const Concat: InferRule = (node) => {
  const shapes = node.inputs.map((v) => v?.shape);
  const first = shapes.find((s) => s);
  if (!first) return one(node, undefined);
  const axis = axisOf(numberAttribute(node, 'axis', 1), first.length);
  const parts = node.inputs.map(elementsOf);
  // Along the first axis elements follow each other as they lie in memory.
  const elements = axis === 0 && parts.every((p) => p !== undefined) ? parts.flat() : undefined;
  const dims = first.map((_, i) => (i === axis ? sum(shapes.map((s) => s?.[i])) : sharedDim(shapes, i)));
  return one(node, dims, elements);
};

const Split: InferRule = (node) => {
  const shape = shapeAt(node, 0);
  const sizes = integersOf(node.inputs[1]) ?? intsAttribute(node, 'split');
  const asked = sizes?.length ?? numberAttribute(node, 'num_outputs', node.outputs.length);
  const count = node.outputs.length > 0 ? Math.min(asked, node.outputs.length) : asked;
  if (!shape) return Array.from({ length: count }, () => ({ dtype: dtypeOf(node), shape: undefined }));
  const axis = axisOf(numberAttribute(node, 'axis', 0), shape.length);
  // With sizes that only the run knows, neither the parts' sizes nor an even share are known.
  const whole = node.inputs[1] && !sizes ? null : (shape[axis] ?? null);
  const share = typeof whole === 'number' ? Math.ceil(whole / count) : quotient(whole, count);
  return Array.from({ length: count }, (_, i) => {
    const last = typeof whole === 'number' && typeof share === 'number' && i === count - 1;
    const size = sizes?.[i] ?? (last ? (whole as number) - (share as number) * i : share);
    return { dtype: dtypeOf(node), shape: shape.map((d, j) => (j === axis ? size : d)) };
  });
};

/** With axes that only the run knows, their number says the rank. */
function unknownRank(node: Node, sign: 1 | -1): Shape | undefined {
  const [shape, count] = [shapeAt(node, 0), shapeAt(node, 1)?.[0]];
  return shape && typeof count === 'number' ? unknownOfLength(Math.max(0, shape.length + sign * count)) : undefined;
}

const Unsqueeze: InferRule = (node) => {
  const shape = shapeAt(node, 0);
  const axes = axesOf(node, 1);
  if (!shape || !axes) return one(node, unknownRank(node, 1));
  const rank = shape.length + axes.length;
  const at = new Set(axes.map((a) => axisOf(a, rank)));
  const rest = [...shape];
  return one(
    node,
    Array.from({ length: rank }, (_, i) => (at.has(i) ? 1 : (rest.shift() ?? null))),
    elementsOf(node.inputs[0]),
  );
};

const Squeeze: InferRule = (node) => {
  const shape = shapeAt(node, 0);
  // Without axes, a size that is not known may be 1 and go, too; one that has a name is taken to be there for a reason.
  const ones = shape?.includes(null) ? undefined : shape?.flatMap((d, i) => (d === 1 ? [i] : []));
  const axes = node.inputs[1] || node.attributes.axes ? axesOf(node, 1) : ones;
  if (!shape || !axes) return one(node, unknownRank(node, -1));
  const at = new Set(axes.map((a) => axisOf(a, shape.length)));
  return one(
    node,
    shape.filter((_, i) => !at.has(i)),
    elementsOf(node.inputs[0]),
  );
};

const Expand: InferRule = (node) => {
  const to = elementsOf(node.inputs[1]) ?? unknownOfLength(shapeAt(node, 1)?.[0]);
  const shape = shapeAt(node, 0);
  if (!shape || !to) return one(node, undefined);
  const dims = broadcast(shape, to);
  const [single, length] = [elementsOf(node.inputs[0]), dims.length === 1 ? dims[0] : undefined];
  return one(node, dims, single?.length === 1 ? repeated(single[0] ?? null, length) : undefined);
};

const shapeRule: InferRule = (node) => {
  const shape = shapeAt(node, 0);
  const start = numberAttribute(node, 'start', 0);
  const dims = shape?.slice(start, numberAttribute(node, 'end', shape.length));
  return [{ dtype: 'int64', shape: [dims?.length ?? null], elements: dims }];
};

const Gather: InferRule = (node) => {
  const [data, indices] = [shapeAt(node, 0), shapeAt(node, 1)];
  if (!data || !indices) return one(node, undefined);
  const axis = axisOf(numberAttribute(node, 'axis', 0), data.length);
  const [whole, at] = [elementsOf(node.inputs[0]), integersOf(node.inputs[1])];
  const picked = data.length === 1 && whole && at ? at.map((i) => whole.at(i) ?? null) : undefined;
  return one(node, [...data.slice(0, axis), ...indices, ...data.slice(axis + 1)], picked);
};

const GatherND: InferRule = (node) => {
  const [data, indices] = [shapeAt(node, 0), shapeAt(node, 1)];
  const depth = indices?.at(-1);
  if (!data || !indices || typeof depth !== 'number') return one(node, undefined);
  return one(node, [...indices.slice(0, -1), ...data.slice(depth + numberAttribute(node, 'batch_dims', 0))]);
};

const ConstantOfShape: InferRule = (node) => {
  const value = tensorAttribute(node, 'value');
  const dims = elementsOf(node.inputs[0]);
  const [fill] = (value && tensorElements(value)) ?? [];
  return [
    {
      dtype: value?.dtype ?? 'float32',
      shape: dims ?? unknownOfLength(shapeAt(node, 0)?.[0]),
      elements: fill !== undefined && dims && dims.length <= 1 ? repeated(fill, dims[0] ?? 1) : undefined,
    },
  ];
};

const OneHot: InferRule = (node) => {
  const indices = shapeAt(node, 0);
  const depth = elementsOf(node.inputs[1])?.[0] ?? numbersOf(node.inputs[1])?.[0] ?? null;
  if (!indices) return [{ dtype: dtypeOf(node, 2), shape: undefined }];
  const axis = axisOf(numberAttribute(node, 'axis', -1), indices.length + 1);
  const size = typeof depth === 'number' ? Math.trunc(depth) : depth;
  return [{ dtype: dtypeOf(node, 2), shape: [...indices.slice(0, axis), size, ...indices.slice(axis)] }];
};

const Range: InferRule = (node) => {
  const [a, b, step] = [0, 1, 2].map((i) => elementsOf(node.inputs[i])?.[0] ?? numbersOf(node.inputs[i])?.[0]);
  if (typeof a === 'number' && typeof b === 'number' && typeof step === 'number' && step !== 0) {
    const count = Math.max(0, Math.ceil((b - a) / step));
    const counting = count <= 64 && (dtypeOf(node) === 'int64' || dtypeOf(node) === 'int32');
    return one(node, [count], counting ? Array.from({ length: count }, (_, i) => a + i * step) : undefined);
  }
  return one(node, [a === 0 && step === 1 ? (b ?? null) : null]);
};

const Flatten: InferRule = (node) => {
  const shape = shapeAt(node, 0);
  const axis = numberAttribute(node, 'axis', 1);
  return one(node, shape && [product(shape.slice(0, axis)), product(shape.slice(axis))]);
};

/** Pads as an operand since operator set 11; attributes of two names before. */
const padsOf = (node: Node): readonly number[] | undefined =>
  node.inputs[1] ? integersOf(node.inputs[1]) : (intsAttribute(node, 'pads') ?? intsAttribute(node, 'paddings'));

const Pad: InferRule = (node) => {
  const [shape, pads] = [shapeAt(node, 0), padsOf(node)];
  const axes = node.inputs[3] ? integersOf(node.inputs[3]) : shape?.map((_, i) => i);
  if (!shape || !pads || !axes)
    return one(
      node,
      shape?.map(() => null),
    );
  const dims: Dim[] = [...shape];
  axes.forEach((axis, i) => {
    const at = axisOf(axis, shape.length);
    const added = (pads[i] ?? 0) + (pads[i + axes.length] ?? 0);
    dims[at] = added === 0 ? (shape[at] ?? null) : sum([shape[at], added]);
  });
  return one(node, dims);
};

/** Before operator set 6 the operator repeated one axis. */
const Tile: InferRule = (node, opset) => {
  const [shape, repeats] = [shapeAt(node, 0), opset < 6 ? undefined : elementsOf(node.inputs[1])];
  return one(
    node,
    shape?.map((d, i) => (repeats ? product([d, repeats[i] ?? null]) : null)),
  );
};

const likeIndices: InferRule = (node) => one(node, shapeAt(node, 1));
const likeData: InferRule = (node) => one(node, shapeAt(node, 0));

/** Shape rules of operators that move, pick, repeat or make elements. */
export const movement = {
  Concat,
  ConstantOfShape,
  Expand,
  Flatten,
  Gather,
  GatherElements: likeIndices,
  GatherND,
  OneHot,
  Pad,
  Range,
  Reshape,
  ScatterElements: likeData,
  ScatterND: likeData,
  Shape: shapeRule,
  Slice,
  Split,
  Squeeze,
  Tile,
  Transpose,
  Unsqueeze,
} as const satisfies Record<string, InferRule>;
