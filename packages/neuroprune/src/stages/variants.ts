import {
  cloneModel,
  type Model,
  quantizeBlockwise,
  quantizeDynamic,
  quantizeTables,
  toFloat16,
} from '@neuroprune/onnx';
import { type Dtype, dtypeSuffixes } from '../schema/dtype.js';

const changes = {
  fp32: [],
  fp16: [toFloat16],
  q8: [quantizeDynamic],
  // Tables of words, half of a small model, would stay float32.
  q4: [quantizeBlockwise, quantizeTables],
  q4f16: [quantizeBlockwise, quantizeTables, toFloat16],
} as const satisfies Record<Dtype, readonly ((model: Model) => unknown)[]>;

/** An inference graph in another precision: a copy, unless it stays float32. Inputs and outputs keep their types. */
export function variantOf(model: Model, dtype: Dtype): Model {
  if (changes[dtype].length === 0) return model;
  const copy = cloneModel(model);
  for (const change of changes[dtype]) change(copy);
  return copy;
}

/** The name of `onnx/model.onnx` in a precision, where transformers.js looks for it. */
export const variantFile = (file: string, dtype: Dtype): string =>
  file.replace(/\.onnx$/, `${dtypeSuffixes[dtype]}.onnx`);
