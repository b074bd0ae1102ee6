import { type DType, dtypeOfCode, dtypes, packedBits } from '../dtype.js';
import { OnnxError } from '../errors.js';
import type { Notes } from '../notes.js';
import { lengthOf, type SparseTensor, sizeOf, type Tensor, type TensorData, viewOf } from '../tensor.js';
import type { ExternalEntry, ExternalReader } from './external-data.js';
import { type ExternalWriter, fileChunks } from './external-writer.js';
import { MAX_RANK } from './limits.js';
import type { Handlers, Message } from './message-reader.js';
import type { MessageWriter } from './message-writer.js';
import { readEntry, readNotes, recordOf, writeEntries, writeNotes } from './notes.js';
import { type IntegerList, integerList, NumberList } from './number-list.js';
import { unpack } from './packed.js';
import { encodeText } from './text.js';

/** The typed fields of `TensorProto`, for files that do not use `raw_data`. */
interface TypedFields {
  readonly float: NumberList<Float32Array<ArrayBuffer>>;
  readonly int: IntegerList;
  readonly double: NumberList<Float64Array<ArrayBuffer>>;
  readonly strings: string[];
  /** Elements the tensor has. */
  readonly count: number;
}

/** The low bits of the integers, as the array keeps them. */
function narrowed<T extends { [i: number]: number }>(into: new (length: number) => T): (f: TypedFields) => T {
  return ({ int }) => {
    const values = int.values();
    const out = new into(values.length);
    for (let i = 0; i < values.length; i++) out[i] = Number(values[i]);
    return out;
  };
}
const bytes = narrowed(Uint8Array);
/** Several elements share an entry of the typed field, as they share a byte of raw data; 6-bit floats do not. */
const unpacked = (dtype: DType) => (f: TypedFields) => {
  const given = bytes(f);
  const expected = Math.ceil((f.count * (packedBits(dtype) ?? 8)) / 8);
  return given.length === expected ? unpack(dtype, given, f.count) : given;
};
const typed: { readonly [D in DType]: (fields: TypedFields) => TensorData } = {
  float32: (f) => f.float.values(),
  float64: (f) => f.double.values(),
  float16: narrowed(Uint16Array),
  bfloat16: narrowed(Uint16Array),
  int8: narrowed(Int8Array),
  int16: narrowed(Int16Array),
  int32: narrowed(Int32Array),
  int64: (f) => f.int.values(),
  uint8: bytes,
  uint16: narrowed(Uint16Array),
  uint32: narrowed(Uint32Array),
  uint64: (f) => new BigUint64Array(f.int.values().buffer),
  bool: bytes,
  string: (f) => f.strings,
  complex64: (f) => f.float.values(),
  complex128: (f) => f.double.values(),
  float8e4m3fn: bytes,
  float8e4m3fnuz: bytes,
  float8e5m2: bytes,
  float8e5m2fnuz: bytes,
  float8e8m0: bytes,
  uint4: unpacked('uint4'),
  int4: unpacked('int4'),
  float4e2m1: unpacked('float4e2m1'),
  uint2: unpacked('uint2'),
  int2: unpacked('int2'),
  float6e2m3: bytes,
  float6e3m2: bytes,
};

interface RawTensor extends Omit<TypedFields, 'count'> {
  readonly dims: IntegerList;
  dtypeCode: number;
  name: string;
  raw: Uint8Array | undefined;
  readonly external: (readonly [string, string])[];
  isExternal: boolean;
  notes: Notes | undefined;
}

const tensorFields = (t: RawTensor): Handlers => ({
  1: (f) => f.bigints(t.dims),
  2: (f) => {
    t.dtypeCode = f.int();
  },
  3: () => {
    throw new OnnxError(`tensor '${t.name}': expected a whole tensor, got a segment`);
  },
  4: (f) => f.floats(t.float),
  5: (f) => f.bigints(t.int),
  6: (f) => f.texts(t.strings),
  7: (f) => f.bigints(t.int),
  8: (f) => {
    t.name = f.string();
  },
  9: (f) => {
    t.raw = f.bytes();
  },
  10: (f) => f.doubles(t.double),
  11: (f) => f.bigints(t.int),
  13: (f) => t.external.push(readEntry(f.message())),
  14: (f) => {
    t.isExternal = f.int() === 1;
  },
});

/** Decimal digits only: `Number` would take hexadecimal ones, exponents and blanks too. */
function readCount(text: string | undefined): number | undefined {
  return text === undefined ? undefined : /^\d+$/.test(text) ? Number(text) : Number.NaN;
}

function externalEntry(t: RawTensor, byteLength: number): ExternalEntry {
  const entries = recordOf(t.external, `tensor '${t.name}'`);
  const length = readCount(entries.length) ?? byteLength;
  const location = entries.location ?? '';
  if (length !== byteLength) {
    throw new OnnxError(
      `tensor '${t.name}': expected ${byteLength} bytes, got ${length} in external data '${location}'`,
    );
  }
  return { location, offset: readCount(entries.offset) ?? 0, length };
}

/** Dimensions a tensor may have: at most `MAX_RANK`, none negative, with a number of elements that is one. */
export function dimsOf(given: IntegerList, where: string): number[] {
  const dims = Array.from(given.values(), Number);
  // A zero would hide the others in the product.
  const most = dims.reduce((n, d) => n * Math.max(d, 1), 1);
  if (dims.length > MAX_RANK || dims.some((d) => d < 0) || !Number.isSafeInteger(16 * most)) {
    throw new OnnxError(`${where}: expected sensible dimensions, got [${dims.slice(0, MAX_RANK)}]`);
  }
  return dims;
}

/** Bytes of a tensor in a file, from its type and dimensions alone; strings count as none. */
export function byteLengthOf({ dtype, dims }: Pick<Tensor, 'dtype' | 'dims'>): number {
  const bits = packedBits(dtype);
  return bits ? Math.ceil((sizeOf(dims) * bits) / 8) : sizeOf(dims) * dtypes[dtype].bytes;
}

function fromRaw<D extends Exclude<DType, 'string'>>(dtype: D, dims: readonly number[], own: Uint8Array): TensorData {
  return packedBits(dtype) ? unpack(dtype, own, sizeOf(dims)) : viewOf(dtype, own.buffer);
}

function externalTensor(t: RawTensor, dtype: DType, dims: readonly number[], external: ExternalReader): Tensor {
  if (dtype === 'string') throw new OnnxError(`tensor '${t.name}': expected strings as string_data, got external data`);
  const entry = externalEntry(t, byteLengthOf({ dtype, dims }));
  return external.tensor(dtype, dims, entry, (own) => fromRaw(dtype, dims, own));
}

function rawTensor(t: RawTensor, dtype: DType, dims: readonly number[], raw: Uint8Array): Tensor {
  if (dtype === 'string') throw new OnnxError(`tensor '${t.name}': expected strings as string_data, got raw bytes`);
  const expected = byteLengthOf({ dtype, dims });
  if (raw.length !== expected) {
    throw new OnnxError(`tensor '${t.name}' ${dtype}[${dims}]: expected ${expected} bytes, got ${raw.length}`);
  }
  return { dtype, dims, data: fromRaw(dtype, dims, new Uint8Array(raw)) } as Tensor;
}

function typedTensor(t: RawTensor, dtype: DType, dims: readonly number[]): Tensor {
  const data = typed[dtype]({ ...t, count: sizeOf(dims) });
  const expected = lengthOf(dtype, dims);
  if (data.length !== expected) {
    throw new OnnxError(`tensor '${t.name}' ${dtype}[${dims}]: expected ${expected} elements, got ${data.length}`);
  }
  return { dtype, dims, data } as Tensor;
}

/** Reads the `TensorProto` of an initializer, whose name is that of its value. */
export function readNamedTensor(message: Message, external: ExternalReader): { readonly name: string; tensor: Tensor } {
  const t: RawTensor = {
    ...{
      dims: integerList(),
      float: new NumberList(Float32Array),
      int: integerList(),
      double: new NumberList(Float64Array),
      strings: [],
      external: [],
    },
    ...{ dtypeCode: 0, name: '', raw: undefined, isExternal: false, notes: undefined },
  };
  const notes = readNotes(message, 12, 16, tensorFields(t));
  const dtype = dtypeOfCode(t.dtypeCode);
  if (!dtype) throw new OnnxError(`tensor '${t.name}': expected a known element type, got code ${t.dtypeCode}`);
  const dims = dimsOf(t.dims, `tensor '${t.name}'`);
  const tensor = t.isExternal
    ? externalTensor(t, dtype, dims, external)
    : t.raw
      ? rawTensor(t, dtype, dims, t.raw)
      : typedTensor(t, dtype, dims);
  // In place: a copy would read external data.
  return { name: t.name, tensor: notes ? Object.assign(tensor, { notes }) : tensor };
}

/** Reads a `TensorProto`; the tensor owns its data, or reads it from the external file when asked. */
export function readTensor(message: Message, external: ExternalReader): Tensor {
  const { name, tensor } = readNamedTensor(message, external);
  return name === '' ? tensor : Object.assign(tensor, { name });
}

/** Reads a `SparseTensorProto`. */
export function readSparseTensor(message: Message, external: ExternalReader): SparseTensor {
  const given = integerList();
  let values: Tensor | undefined;
  let indices: Tensor | undefined;
  message.read({
    1: (f) => {
      values = readTensor(f.message(), external);
    },
    2: (f) => {
      indices = readTensor(f.message(), external);
    },
    3: (f) => f.bigints(given),
  });
  return checkSparse({ dims: dimsOf(given, 'sparse tensor'), ...parts(values, indices) });
}

function parts(values: Tensor | undefined, indices: Tensor | undefined): Pick<SparseTensor, 'values' | 'indices'> {
  if (!values) throw new OnnxError('sparse tensor: expected values, got none');
  // Without any values some writers leave out the indices.
  return { values, indices: indices ?? { dtype: 'int64', dims: [0], data: new BigInt64Array(0) } };
}

/** A sparse tensor after checking that indices and values are as many, and that the indices fit its rank. */
export function checkSparse(sparse: SparseTensor): SparseTensor {
  const { dims, values, indices } = sparse;
  const where = `sparse tensor '${values.name ?? ''}' [${dims}]`;
  const count = values.dims[0] ?? 0;
  if (values.dims.length !== 1) throw new OnnxError(`${where}: expected values of rank 1, got [${values.dims}]`);
  const fits = indices.dims.length === 1 || (indices.dims.length === 2 && indices.dims[1] === dims.length);
  if (indices.dtype !== 'int64' || !fits || indices.dims[0] !== count) {
    const got = `${indices.dtype}[${indices.dims}]`;
    throw new OnnxError(`${where}: expected int64 indices [${count}] or [${count},${dims.length}], got ${got}`);
  }
  return sparse;
}

/** Bytes that a tensor takes in the file itself, with that external file; strings count as none. */
export function inlineBytes(tensor: Tensor, external?: ExternalWriter): number {
  if (tensor.dtype === 'string') return 0;
  const bytes = byteLengthOf(tensor);
  return external?.takes(tensor, bytes) ? 0 : bytes;
}

function writeElements(w: MessageWriter, tensor: Tensor, external: ExternalWriter | undefined): void {
  if (tensor.dtype === 'string') {
    for (const text of tensor.data as readonly string[]) w.bytes(6, encodeText(text));
    return;
  }
  const length = byteLengthOf(tensor);
  if (external?.takes(tensor, length)) {
    const { location, offset } = external.place(tensor, length);
    writeEntries(w, 13, { location, offset: String(offset), length: String(length) });
    w.int(14, 1);
  } else {
    w.later(9, length, () => fileChunks(tensor));
  }
}

/** Writes a `TensorProto`, to the external file when there is one and the tensor is not small. */
export function writeTensor(
  w: MessageWriter,
  tensor: Tensor,
  name = tensor.name ?? '',
  external?: ExternalWriter,
): void {
  w.ints(1, tensor.dims).int(2, dtypes[tensor.dtype].code).text(8, name);
  writeElements(w, tensor, external);
  writeNotes(w, 12, 16, tensor.notes);
}

/** Writes a `SparseTensorProto`; its values are given the name of the initializer. */
export function writeSparseTensor(
  w: MessageWriter,
  sparse: SparseTensor,
  name?: string,
  external?: ExternalWriter,
): void {
  w.message(1, (t) => writeTensor(t, sparse.values, name ?? sparse.values.name ?? '', external));
  w.message(2, (t) => writeTensor(t, sparse.indices, sparse.indices.name ?? '', external));
  w.ints(3, sparse.dims);
}
