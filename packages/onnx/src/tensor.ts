import type { DType } from './dtype.js';
import { OnnxError } from './errors.js';

/** The array that holds a tensor's elements; float16 and bfloat16 are kept as their bits, bool as 0 and 1. */
export interface TensorArrays {
  float32: Float32Array;
  float64: Float64Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  int8: Int8Array;
  int16: Int16Array;
  int32: Int32Array;
  int64: BigInt64Array;
  uint8: Uint8Array;
  uint16: Uint16Array;
  uint32: Uint32Array;
  uint64: BigUint64Array;
  bool: Uint8Array;
  string: readonly string[];
}

/** Any array a tensor may hold. */
export type TensorData = TensorArrays[DType];

/** A dense tensor, row-major. */
export interface Tensor<D extends DType = DType> {
  readonly dtype: D;
  readonly dims: readonly number[];
  readonly data: TensorArrays[D];
}

/** Number of elements of a shape; 1 for a scalar. */
export const sizeOf = (dims: readonly number[]): number => dims.reduce((n, d) => n * d, 1);

/** A tensor after checking that `data` has as many elements as `dims` say. */
export function tensor<D extends DType>(dtype: D, dims: readonly number[], data: TensorArrays[D]): Tensor<D> {
  if (data.length !== sizeOf(dims)) {
    throw new OnnxError(`tensor ${dtype} [${dims}]: expected ${sizeOf(dims)} elements, got ${data.length}`);
  }
  return { dtype, dims, data };
}

/** A float32 tensor from numbers; `dims` default to one dimension. */
export const float32 = (values: ArrayLike<number>, dims: readonly number[] = [values.length]): Tensor<'float32'> =>
  tensor('float32', dims, values instanceof Float32Array ? values : Float32Array.from(values));

/** An int64 tensor from integers; `dims` default to one dimension. */
export const int64 = (values: readonly number[], dims: readonly number[] = [values.length]): Tensor<'int64'> =>
  tensor('int64', dims, BigInt64Array.from(values, BigInt));

/** A tensor of zeros. */
export const zeros = (dims: readonly number[]): Tensor<'float32'> => float32(new Float32Array(sizeOf(dims)), dims);

/** A tensor's bytes as a view; strings have none. */
export function bytesOf(tensor: Tensor): Uint8Array | undefined {
  const { data } = tensor;
  return ArrayBuffer.isView(data) ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength) : undefined;
}

/** An element type with a fixed width. */
export type Fixed = Exclude<DType, 'string'>;

/** Views of little-endian bytes, which every platform of Node's is. */
const views: { readonly [D in Fixed]: (buffer: ArrayBufferLike) => TensorArrays[D] } = {
  float32: (b) => new Float32Array(b),
  float64: (b) => new Float64Array(b),
  float16: (b) => new Uint16Array(b),
  bfloat16: (b) => new Uint16Array(b),
  int8: (b) => new Int8Array(b),
  int16: (b) => new Int16Array(b),
  int32: (b) => new Int32Array(b),
  int64: (b) => new BigInt64Array(b),
  uint8: (b) => new Uint8Array(b),
  uint16: (b) => new Uint16Array(b),
  uint32: (b) => new Uint32Array(b),
  uint64: (b) => new BigUint64Array(b),
  bool: (b) => new Uint8Array(b),
};

/** The typed array of an element type over little-endian bytes, from the buffer's start to its end. */
export const viewOf = <D extends Fixed>(dtype: D, buffer: ArrayBufferLike): TensorArrays[D] => views[dtype](buffer);
