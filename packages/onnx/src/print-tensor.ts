import { createHash } from 'node:crypto';
import type { DType } from './dtype.js';
import { shortestFloat } from './number.js';
import { notesText, word } from './print-type.js';
import { bytesOf, type SparseTensor, sizeOf, type Tensor } from './tensor.js';

/** Tensors up to this many elements are printed whole. */
const INLINE = 64;

/** How to print. */
export interface PrintOptions {
  /** Print the elements of large tensors too, so that `parse` gives the model back. */
  readonly weights?: boolean;
}

/** A number that is read back exactly; `-0` keeps its sign. */
function numberText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return Object.is(value, -0) ? '-0' : String(value);
}

/** A float attribute: always with a point, an exponent or a name, which integers have not. */
export function floatText(value: number): string {
  const text = numberText(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

function elementText(element: number | bigint | string, dtype: DType): string {
  if (typeof element === 'string') return JSON.stringify(element);
  if (typeof element === 'bigint') return String(element);
  return numberText(dtype === 'float32' || dtype === 'complex64' ? shortestFloat(element) : element);
}

/** First 64 bits of SHA-256 over the bytes. */
function hash(tensor: Tensor): string {
  const bytes = bytesOf(tensor) ?? Buffer.from(JSON.stringify(tensor.data));
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16);
}

function contentText(tensor: Tensor, options: PrintOptions): string {
  if (sizeOf(tensor.dims) > INLINE && !options.weights) return `#${hash(tensor)}`;
  const data = tensor.data as ArrayLike<number | bigint | string>;
  return `{${Array.from(data, (e) => elementText(e, tensor.dtype)).join(', ')}}`;
}

/** A tensor such as `float32[2] {1, 2}`, or with a hash of its elements. */
export function tensorText(tensor: Tensor, options: PrintOptions): string {
  const name = tensor.name === undefined ? '' : ` @${word(tensor.name)}`;
  const type = `${tensor.dtype}[${tensor.dims.join(',')}]`;
  return `${type} ${contentText(tensor, options)}${name}${notesText(tensor.notes)}`;
}

/** A sparse tensor such as `sparse [4] float32[1] {7} at int64[1] {2}`. */
export const sparseText = ({ dims, values, indices }: SparseTensor, options: PrintOptions): string =>
  `sparse [${dims.join(',')}] ${tensorText(values, options)} at ${tensorText(indices, options)}`;
