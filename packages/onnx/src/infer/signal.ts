import { dtypeOfCode } from '../dtype.js';
import type { Node } from '../model.js';
import { axisOf, type Dim } from '../shape.js';
import { elementsOf, type InferRule, numberAttribute, shapeAt } from './rule.js';

const elementAt = (node: Node, index: number): Dim => elementsOf(node.inputs[index])?.[0] ?? null;

/** Frequencies of a real signal: half of them, and the zeroth. */
const oneSided = (length: Dim): Dim => (typeof length === 'number' ? Math.floor(length / 2) + 1 : null);

const outputType = (node: Node) => dtypeOfCode(numberAttribute(node, 'output_datatype', 1));

const window: InferRule = (node) => [{ dtype: outputType(node), shape: [elementAt(node, 0)] }];

/** The axis is an input since operator set 20, and counts from the end by default. */
function transformAxis(node: Node, opset: number): number | undefined {
  if (opset < 20) return numberAttribute(node, 'axis', 1);
  const axis = node.inputs[2] ? elementAt(node, 2) : -2;
  return typeof axis === 'number' ? axis : undefined;
}

const DFT: InferRule = (node, opset) => {
  const x = shapeAt(node, 0);
  const dtype = node.inputs[0]?.dtype;
  if (!x) return [{ dtype, shape: undefined }];
  const at = transformAxis(node, opset);
  if (at === undefined) {
    const same = !node.inputs[1] && numberAttribute(node, 'onesided', 0) === 0;
    return [{ dtype, shape: [...x.slice(0, -1).map((d) => (same ? d : null)), 2] }];
  }
  const axis = axisOf(at, x.length);
  const length = node.inputs[1] ? elementAt(node, 1) : (x[axis] ?? null);
  const kept = numberAttribute(node, 'onesided', 0) === 1 ? oneSided(length) : length;
  const shape = x.map((d, i) => (i === axis ? kept : i === x.length - 1 ? 2 : d));
  // The inverse of a one-sided transform is real and whole; releases differ in what they return.
  const back = numberAttribute(node, 'inverse', 0) === 1 && numberAttribute(node, 'onesided', 0) === 1;
  return [{ dtype, shape: back ? shape.map((d, i) => (i === axis || i === x.length - 1 ? null : d)) : shape }];
};

const STFT: InferRule = (node) => {
  const [signal, step] = [shapeAt(node, 0), elementAt(node, 1)];
  const dtype = node.inputs[0]?.dtype;
  if (!signal) return [{ dtype, shape: undefined }];
  const width = node.inputs[3] ? elementAt(node, 3) : (shapeAt(node, 2)?.[0] ?? null);
  const length = signal[1] ?? null;
  const frames =
    typeof length === 'number' && typeof width === 'number' && typeof step === 'number'
      ? Math.floor((length - width) / step) + 1
      : null;
  const bins = numberAttribute(node, 'onesided', 1) === 1 ? oneSided(width) : width;
  return [{ dtype, shape: [signal[0] ?? null, frames, bins, 2] }];
};

const MelWeightMatrix: InferRule = (node) => [
  { dtype: outputType(node), shape: [oneSided(elementAt(node, 1)), elementAt(node, 0)] },
];

/** Shape rules of Fourier transforms, and what goes with them. */
export const signal = {
  BlackmanWindow: window,
  DFT,
  HammingWindow: window,
  HannWindow: window,
  MelWeightMatrix,
  STFT,
} as const satisfies Record<string, InferRule>;
