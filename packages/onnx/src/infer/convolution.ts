import type { Node } from '../model.js';
import { type Dim, product, type Shape } from '../shape.js';
import { elementsOf, type InferRule, intsAttribute, numberAttribute, shapeAt, stringAttribute } from './rule.js';

/** The window of a convolution or pool along one axis. */
interface Window {
  readonly size: Dim;
  readonly stride: number;
  readonly dilation: number;
  /** Both sides together. */
  readonly padding: number;
  readonly autoPad: string;
  readonly ceil: boolean;
}

/** Reads the windows of a node over `rank` spatial axes. */
export function windowsOf(node: Node, kernel: Shape | undefined, rank: number): readonly Window[] {
  const [strides, dilations, pads] = ['strides', 'dilations', 'pads'].map((name) => intsAttribute(node, name));
  const sizes = intsAttribute(node, 'kernel_shape') ?? kernel;
  const autoPad = stringAttribute(node, 'auto_pad') ?? 'NOTSET';
  return Array.from({ length: rank }, (_, i) => ({
    size: sizes?.[i] ?? null,
    stride: strides?.[i] ?? 1,
    dilation: dilations?.[i] ?? 1,
    padding: autoPad === 'VALID' ? 0 : (pads?.[i] ?? 0) + (pads?.[i + rank] ?? 0),
    autoPad,
    ceil: numberAttribute(node, 'ceil_mode', 0) === 1,
  }));
}

/** How often a window fits; one that starts in the padding behind the data does not count. */
function slid(dim: Dim, w: Window): Dim {
  if (w.autoPad.startsWith('SAME')) {
    return typeof dim === 'number' ? Math.ceil(dim / w.stride) : w.stride === 1 ? dim : null;
  }
  if (typeof w.size !== 'number') return null;
  const extent = (w.size - 1) * w.dilation + 1;
  if (typeof dim !== 'number') return w.stride === 1 && w.padding === extent - 1 ? dim : null;
  const steps = (dim + w.padding - extent) / w.stride;
  return w.ceil ? Math.ceil(steps) + 1 : Math.floor(steps) + 1;
}

/** `ceil_mode` in full: drops a last window that lies in the padding behind the data only. */
function pooled(node: Node, dim: Dim, w: Window, i: number): Dim {
  const count = slid(dim, w);
  if (!w.ceil || typeof count !== 'number' || typeof dim !== 'number' || w.autoPad.startsWith('SAME')) return count;
  const before = w.autoPad === 'VALID' ? 0 : (intsAttribute(node, 'pads')?.[i] ?? 0);
  return (count - 1) * w.stride >= dim + before ? count - 1 : count;
}

const pooledShape = (node: Node): Shape | undefined => {
  const x = shapeAt(node, 0);
  const windows = x && windowsOf(node, undefined, x.length - 2);
  return windows && [...x.slice(0, 2), ...windows.map((w, i) => pooled(node, x[i + 2] ?? null, w, i))];
};

const pool: InferRule = (node) => [{ dtype: node.inputs[0]?.dtype, shape: pooledShape(node) }];

const MaxPool: InferRule = (node) => [...pool(node, 0), { dtype: 'int64', shape: pooledShape(node) }];

const globalPool: InferRule = (node) => {
  const x = shapeAt(node, 0);
  return [{ dtype: node.inputs[0]?.dtype, shape: x?.map((d, i) => (i < 2 ? d : 1)) }];
};

/** Shape of a convolution of input 0 by the weights at an index. */
export function convolvedShape(node: Node, weights: number): Shape | undefined {
  const [x, w] = [shapeAt(node, 0), shapeAt(node, weights)];
  if (!x) return undefined;
  const windows = windowsOf(node, w?.slice(2), x.length - 2);
  return [x[0] ?? null, w?.[0] ?? null, ...windows.map((window, i) => slid(x[i + 2] ?? null, window))];
}

const convolve: InferRule = (node) => [{ dtype: node.inputs[0]?.dtype, shape: convolvedShape(node, 1) }];

/** The inverse of `slid`, plus `output_padding`. */
function unslid(dim: Dim, w: Window, extra: number): Dim {
  if (w.autoPad.startsWith('SAME')) return product([dim, w.stride]);
  if (typeof w.size !== 'number') return null;
  const rest = extra + (w.size - 1) * w.dilation + 1 - w.padding;
  if (typeof dim !== 'number') return rest === w.stride ? product([dim, w.stride]) : null;
  return w.stride * (dim - 1) + rest;
}

const ConvTranspose: InferRule = (node) => {
  const [x, w] = [shapeAt(node, 0), shapeAt(node, 1)];
  const dtype = node.inputs[0]?.dtype;
  if (!x) return [{ dtype, shape: undefined }];
  const windows = windowsOf(node, w?.slice(2), x.length - 2);
  const asked = intsAttribute(node, 'output_shape')?.slice(-windows.length);
  const extra = intsAttribute(node, 'output_padding');
  const channels = product([w?.[1] ?? null, numberAttribute(node, 'group', 1)]);
  const spatial = windows.map((window, i) => asked?.[i] ?? unslid(x[i + 2] ?? null, window, extra?.[i] ?? 0));
  return [{ dtype, shape: [x[0] ?? null, channels, ...spatial] }];
};

const MaxUnpool: InferRule = (node) => {
  const x = shapeAt(node, 0);
  const dtype = node.inputs[0]?.dtype;
  if (!x) return [{ dtype, shape: undefined }];
  if (node.inputs[2]) return [{ dtype, shape: elementsOf(node.inputs[2]) ?? x.map(() => null) }];
  const windows = windowsOf(node, undefined, x.length - 2);
  return [{ dtype, shape: [...x.slice(0, 2), ...windows.map((w, i) => unslid(x[i + 2] ?? null, w, 0))] }];
};

/** Shape rules of convolutions and pooling. */
export const convolution = {
  AveragePool: pool,
  Conv: convolve,
  ConvTranspose,
  DeformConv: convolve,
  GlobalAveragePool: globalPool,
  GlobalLpPool: globalPool,
  GlobalMaxPool: globalPool,
  LpPool: pool,
  MaxPool,
  MaxUnpool,
} as const satisfies Record<string, InferRule>;
