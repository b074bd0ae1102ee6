import type { Node } from '../model.js';
import { axisOf, type Dim } from '../shape.js';
import { elementsOf, type InferRule, integersOf, intsAttribute, shapeAt } from './rule.js';
import { isShort } from './vector.js';

/** Elements that a slice takes along one axis. */
function slicedDim(dim: Dim, start: number, end: number, step: number): Dim {
  if (typeof dim !== 'number') return start === 0 && end >= 2 ** 31 - 1 && step === 1 ? dim : null;
  const clamp = (x: number, low: number, high: number) => Math.min(Math.max(x < 0 ? x + dim : x, low), high);
  const [from, to] =
    step > 0 ? [clamp(start, 0, dim), clamp(end, 0, dim)] : [clamp(start, 0, dim - 1), clamp(end, -1, dim - 1)];
  return Math.max(0, Math.ceil((to - from) / step));
}

/** What a slice is told: operands since operator set 10, attributes before. */
function slicing(node: Node) {
  const part = (index: number, name: string) =>
    node.inputs[index] ? integersOf(node.inputs[index]) : intsAttribute(node, name);
  const [starts, ends] = [part(1, 'starts'), part(2, 'ends')];
  const count = starts?.length ?? shapeAt(node, 1)?.[0];
  const every = <T>(f: (i: number) => T) =>
    isShort(count) ? Array.from({ length: count }, (_, i) => f(i)) : undefined;
  const axes = node.inputs[3] || node.attributes.axes ? part(3, 'axes') : every((i) => i);
  const steps = node.inputs[4] ? integersOf(node.inputs[4]) : every(() => 1);
  return { starts, ends, axes, steps };
}

/** The elements of a computed shape that a slice takes. */
function slicedElements(elements: readonly Dim[], start: number, end: number, step: number): readonly Dim[] {
  const n = slicedDim(elements.length, start, end, step) as number;
  const from = Math.min(Math.max(start < 0 ? start + elements.length : start, 0), elements.length - (step < 0 ? 1 : 0));
  return Array.from({ length: n }, (_, i) => elements[from + i * step] ?? null);
}

/** Shape rule of `Slice`, in the form of any operator set. */
export const Slice: InferRule = (node) => {
  const shape = shapeAt(node, 0);
  const dtype = node.inputs[0]?.dtype;
  const { starts, ends, axes, steps } = slicing(node);
  if (!shape || !axes) return [{ dtype, shape: shape?.map(() => null) }];
  const dims = [...shape];
  axes.forEach((axis, i) => {
    const at = axisOf(axis, shape.length);
    const [s, e, step] = [starts?.[i], ends?.[i], steps?.[i]];
    dims[at] =
      s === undefined || e === undefined || step === undefined ? null : slicedDim(shape[at] ?? null, s, e, step);
  });
  const whole = shape.length === 1 ? elementsOf(node.inputs[0]) : undefined;
  const [[s], [e], [step]] = [starts ?? [], ends ?? [], steps ?? []];
  const isKnown = s !== undefined && e !== undefined && step !== undefined;
  return [{ dtype, shape: dims, elements: whole && isKnown ? slicedElements(whole, s, e, step) : undefined }];
};
