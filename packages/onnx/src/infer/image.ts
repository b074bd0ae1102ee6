import type { Node } from '../model.js';
import { axisOf, product, quotient, type Shape } from '../shape.js';
import { Resize, Upsample } from './resize.js';
import { elementsOf, type InferRule, intsAttribute, numberAttribute, shapeAt, stringAttribute } from './rule.js';
import { unknownOfLength } from './vector.js';

const first = (node: Node, shape: Shape | undefined) => [{ dtype: node.inputs[0]?.dtype, shape }];

/** size is N,C,H,W (or N,C,D,H,W); the grid has one coordinate pair (or triple) a point. */
const AffineGrid: InferRule = (node) => {
  const size = elementsOf(node.inputs[1]);
  const rank = size?.length ?? shapeAt(node, 1)?.[0];
  const dims = size ?? unknownOfLength(rank);
  return first(node, dims && [dims[0] ?? null, ...dims.slice(2), dims.length - 2]);
};

const CenterCropPad: InferRule = (node) => {
  const [x, to] = [shapeAt(node, 0), elementsOf(node.inputs[1])];
  if (!x) return first(node, undefined);
  const axes = (intsAttribute(node, 'axes') ?? x.map((_, i) => i)).map((a) => axisOf(a, x.length));
  return first(
    node,
    x.map((d, i) => (axes.includes(i) ? (to?.[axes.indexOf(i)] ?? null) : d)),
  );
};

const Col2Im: InferRule = (node) => {
  const [x, picture, block] = [shapeAt(node, 0), elementsOf(node.inputs[1]), elementsOf(node.inputs[2])];
  const sizes = picture ?? unknownOfLength(shapeAt(node, 1)?.[0]);
  const channels = block ? quotient(x?.[1] ?? null, product(block)) : null;
  return first(node, x && sizes && [x[0] ?? null, channels, ...sizes]);
};

const DepthToSpace: InferRule = (node) => {
  const x = shapeAt(node, 0);
  const block = numberAttribute(node, 'blocksize', 1);
  if (!x) return first(node, undefined);
  const [n = null, c = null, ...rest] = x;
  return first(node, [n, quotient(c, block * block), ...rest.map((d) => product([d, block]))]);
};

const SpaceToDepth: InferRule = (node) => {
  const x = shapeAt(node, 0);
  const block = numberAttribute(node, 'blocksize', 1);
  if (!x) return first(node, undefined);
  const [n = null, c = null, ...rest] = x;
  return first(node, [n, product([c, block * block]), ...rest.map((d) => quotient(d, block))]);
};

const GridSample: InferRule = (node) => {
  const [x, grid] = [shapeAt(node, 0), shapeAt(node, 1)];
  return first(node, x && grid && [...x.slice(0, 2), ...grid.slice(1, -1)]);
};

const ImageDecoder: InferRule = (node) => [
  { dtype: 'uint8', shape: [null, null, stringAttribute(node, 'pixel_format') === 'Grayscale' ? 1 : 3] },
];

const MaxRoiPool: InferRule = (node) => {
  const [x, rois] = [shapeAt(node, 0), shapeAt(node, 1)];
  return first(node, [rois?.[0] ?? null, x?.[1] ?? null, ...(intsAttribute(node, 'pooled_shape') ?? [null, null])]);
};

const RoiAlign: InferRule = (node) => {
  const [x, ...counts] = [shapeAt(node, 0), shapeAt(node, 1)?.[0], shapeAt(node, 2)?.[0]];
  const count = counts.find((d) => typeof d === 'number') ?? counts.find((d) => d) ?? null;
  const size = ['output_height', 'output_width'].map((name) => numberAttribute(node, name, 1));
  return first(node, [count, x?.[1] ?? null, ...size]);
};

const NonMaxSuppression: InferRule = () => [{ dtype: 'int64', shape: [null, 3] }];

/** Shape rules of operators on pictures and on regions of them. */
export const image = {
  AffineGrid,
  CenterCropPad,
  Col2Im,
  DepthToSpace,
  GridSample,
  ImageDecoder,
  MaxRoiPool,
  NonMaxSuppression,
  Resize,
  RoiAlign,
  SpaceToDepth,
  Upsample,
} as const satisfies Record<string, InferRule>;
