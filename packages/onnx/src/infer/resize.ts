import type { Node } from '../model.js';
import { axisOf, type Dim, product, type Shape } from '../shape.js';
import { floatsOf } from './constant.js';
import {
  elementsOf,
  floatsAttribute,
  type InferRule,
  intsAttribute,
  numberAttribute,
  shapeAt,
  stringAttribute,
} from './rule.js';

/** floor(size · scale), as the operators' page has it; a named size only by a whole number. */
function scaled(dim: Dim, scale: number | undefined): Dim {
  if (scale === undefined) return null;
  if (typeof dim === 'number') return Math.floor(dim * scale);
  return Number.isInteger(scale) ? product([dim, scale]) : null;
}

/** Sizes under `not_larger` and `not_smaller`: one scale for all axes, rounded half up. */
function keptAspect(from: Shape, sizes: Shape, policy: string): Shape {
  if (![...from, ...sizes].every((d) => typeof d === 'number')) return sizes.map(() => null);
  const scales = (sizes as readonly number[]).map((s, i) => s / (from[i] as number));
  const scale = policy === 'not_larger' ? Math.min(...scales) : Math.max(...scales);
  return (from as readonly number[]).map((d) => Math.floor(d * scale + 0.5));
}

/** The sizes of the axes that change, in the order of `axes`. */
function resized(node: Node, from: Shape, opset: number): Shape {
  const at = opset < 11 ? 1 : 2;
  if (node.inputs[3]) {
    const sizes = elementsOf(node.inputs[3]) ?? from.map(() => null);
    const policy = stringAttribute(node, 'keep_aspect_ratio_policy') ?? 'stretch';
    return policy === 'stretch' ? sizes : keptAspect(from, sizes, policy);
  }
  // Cropping changes the size by the region too, on which runtimes differ.
  const cropped = stringAttribute(node, 'coordinate_transformation_mode') === 'tf_crop_and_resize';
  const scales = cropped ? undefined : floatsOf(node.inputs[at]);
  return from.map((d, i) => scaled(d, scales?.[i]));
}

/** Shape rule of `Resize`; its scales are the second operand in operator set 10. */
export const Resize: InferRule = (node, opset) => {
  const x = shapeAt(node, 0);
  const dtype = node.inputs[0]?.dtype;
  if (!x) return [{ dtype, shape: undefined }];
  const axes = (intsAttribute(node, 'axes') ?? x.map((_, i) => i)).map((a) => axisOf(a, x.length));
  const sizes = resized(
    node,
    axes.map((a) => x[a] ?? null),
    opset,
  );
  return [{ dtype, shape: x.map((d, i) => (axes.includes(i) ? (sizes[axes.indexOf(i)] ?? null) : d)) }];
};

/** Shape rule of `Upsample`: scales as an operand since operator set 9, before as attributes. */
export const Upsample: InferRule = (node) => {
  const x = shapeAt(node, 0);
  const [height, width] = ['height_scale', 'width_scale'].map((name) => numberAttribute(node, name, 1));
  const scales = node.inputs[1]
    ? floatsOf(node.inputs[1])
    : (floatsAttribute(node, 'scales') ?? [1, 1, height ?? 1, width ?? 1]);
  return [{ dtype: node.inputs[0]?.dtype, shape: x?.map((d, i) => scaled(d, scales?.[i])) }];
};
