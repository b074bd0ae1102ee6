import type { DType } from './dtype.js';
import { OnnxError } from './errors.js';
import type { Notes } from './notes.js';

/**
 * The array that holds a tensor's elements. Floats that JavaScript lacks are kept as their bits, bool as 0 and 1, types of
 * less than a byte as one byte an element (files pack them), complex numbers as real and imaginary part, one after the other.
 */
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
  complex64: Float32Array;
  complex128: Float64Array;
  float8e4m3fn: Uint8Array;
  float8e4m3fnuz: Uint8Array;
  float8e5m2: Uint8Array;
  float8e5m2fnuz: Uint8Array;
  float8e8m0: Uint8Array;
  uint4: Uint8Array;
  int4: Int8Array;
  float4e2m1: Uint8Array;
  uint2: Uint8Array;
  int2: Int8Array;
  float6e2m3: Uint8Array;
  float6e3m2: Uint8Array;
  string: readonly string[];
}

/** Any array a tensor may hold. */
export type TensorData = TensorArrays[DType];

/** A dense tensor, row-major. The `data` of one that lies in a file beside the model is read anew at each access. */
export interface Tensor<D extends DType = DType> {
  readonly dtype: D;
  readonly dims: readonly number[];
  readonly data: TensorArrays[D];
  /** The name it has of its own, as an attribute or a part of a sparse one; as an initializer it has its value's. */
  readonly name?: string | undefined;
  readonly notes?: Notes | undefined;
}

/** A sparse tensor (`SparseTensorProto`): the values that are not zero, and where they stand. */
export interface SparseTensor {
  readonly dims: readonly number[];
  /** [NNZ] */
  readonly values: Tensor;
  /** int64, [NNZ] in the flattened tensor or [NNZ, rank]. */
  readonly indices: Tensor;
}

/** Number of elements of a shape; 1 for a scalar. */
export const sizeOf = (dims: readonly number[]): number => dims.reduce((n, d) => n * d, 1);

/** Number of entries of the array that holds so many elements. */
export const lengthOf = (dtype: DType, dims: readonly number[]): number =>
  sizeOf(dims) * (dtype === 'complex64' || dtype === 'complex128' ? 2 : 1);

/** A tensor after checking that `data` has as many elements as `dims` say. */
export function tensor<D extends DType>(dtype: D, dims: readonly number[], data: TensorArrays[D]): Tensor<D> {
  const length = lengthOf(dtype, dims);
  if (data.length !== length) {
    throw new OnnxError(`tensor ${dtype} [${dims}]: expected ${length} elements, got ${data.length}`);
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
  complex64: (b) => new Float32Array(b),
  complex128: (b) => new Float64Array(b),
  float8e4m3fn: (b) => new Uint8Array(b),
  float8e4m3fnuz: (b) => new Uint8Array(b),
  float8e5m2: (b) => new Uint8Array(b),
  float8e5m2fnuz: (b) => new Uint8Array(b),
  float8e8m0: (b) => new Uint8Array(b),
  uint4: (b) => new Uint8Array(b),
  int4: (b) => new Int8Array(b),
  float4e2m1: (b) => new Uint8Array(b),
  uint2: (b) => new Uint8Array(b),
  int2: (b) => new Int8Array(b),
  float6e2m3: (b) => new Uint8Array(b),
  float6e3m2: (b) => new Uint8Array(b),
};

/** The typed array of an element type over little-endian bytes, from the buffer's start to its end. */
export const viewOf = <D extends Fixed>(dtype: D, buffer: ArrayBufferLike): TensorArrays[D] => views[dtype](buffer);
