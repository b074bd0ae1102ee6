import type { DType } from './dtype.js';
import { readDType, readNotes } from './parse-type.js';
import { type SparseTensor, type Tensor, type TensorArrays, tensor } from './tensor.js';
import type { TextReader } from './text-reader.js';

const integers = (r: TextReader): number[] => r.list('}', () => r.integer());
const numbers = (r: TextReader): number[] => r.list('}', () => r.number());
const bytes = (r: TextReader): Uint8Array => Uint8Array.from(integers(r));
const signedBytes = (r: TextReader): Int8Array => Int8Array.from(integers(r));

const elements: { readonly [D in DType]: (r: TextReader) => TensorArrays[D] } = {
  float32: (r) => Float32Array.from(numbers(r)),
  float64: (r) => Float64Array.from(numbers(r)),
  float16: (r) => Uint16Array.from(integers(r)),
  bfloat16: (r) => Uint16Array.from(integers(r)),
  int8: signedBytes,
  int16: (r) => Int16Array.from(integers(r)),
  int32: (r) => Int32Array.from(integers(r)),
  int64: (r) => BigInt64Array.from(r.list('}', () => r.bigint())),
  uint8: bytes,
  uint16: (r) => Uint16Array.from(integers(r)),
  uint32: (r) => Uint32Array.from(integers(r)),
  uint64: (r) => BigUint64Array.from(r.list('}', () => r.bigint())),
  bool: bytes,
  string: (r) => r.list('}', () => r.string()),
  complex64: (r) => Float32Array.from(numbers(r)),
  complex128: (r) => Float64Array.from(numbers(r)),
  float8e4m3fn: bytes,
  float8e4m3fnuz: bytes,
  float8e5m2: bytes,
  float8e5m2fnuz: bytes,
  float8e8m0: bytes,
  uint4: bytes,
  int4: signedBytes,
  float4e2m1: bytes,
  uint2: bytes,
  int2: signedBytes,
  float6e2m3: bytes,
  float6e3m2: bytes,
};

function readDims(r: TextReader): number[] {
  r.expect('[');
  return r.list(']', () => r.integer());
}

/** A tensor with all its elements. */
export function readTensor(r: TextReader): Tensor {
  const dtype = readDType(r);
  const dims = readDims(r);
  if (r.next === '#') r.fail('elements (print with weights: true)');
  r.expect('{');
  const content = tensor(dtype, dims, elements[dtype](r));
  const name = r.accept('@') ? r.word() : undefined;
  const notes = readNotes(r);
  return { ...content, ...(name !== undefined && { name }), ...(notes && { notes }) };
}

/** A sparse tensor. */
export function readSparse(r: TextReader): SparseTensor {
  r.expect('sparse');
  const dims = readDims(r);
  const values = readTensor(r);
  r.expect('at');
  return { dims, values, indices: readTensor(r) };
}
