import { type DType, dtypeOfCode, dtypes } from '../dtype.js';
import { OnnxError } from '../errors.js';
import { bytesOf, sizeOf, type Tensor, type TensorArrays, type TensorData, viewOf } from '../tensor.js';
import type { ExternalEntry, ExternalReader, ExternalWriter } from './external-data.js';
import { MAX_RANK, MIN_EXTERNAL_BYTES } from './limits.js';
import { type Handlers, readMessage } from './message-reader.js';
import type { MessageWriter } from './message-writer.js';

/** The typed fields of `TensorProto`, for files that do not use `raw_data`. */
interface TypedFields {
  readonly float: number[];
  readonly int: bigint[];
  readonly double: number[];
  readonly strings: string[];
}

const narrow = (f: TypedFields): number[] => f.int.map(Number);
const typed: { readonly [D in DType]: (fields: TypedFields) => TensorArrays[D] } = {
  float32: (f) => Float32Array.from(f.float),
  float64: (f) => Float64Array.from(f.double),
  float16: (f) => Uint16Array.from(narrow(f)),
  bfloat16: (f) => Uint16Array.from(narrow(f)),
  int8: (f) => Int8Array.from(narrow(f)),
  int16: (f) => Int16Array.from(narrow(f)),
  int32: (f) => Int32Array.from(narrow(f)),
  int64: (f) => BigInt64Array.from(f.int),
  uint8: (f) => Uint8Array.from(narrow(f)),
  uint16: (f) => Uint16Array.from(narrow(f)),
  uint32: (f) => Uint32Array.from(narrow(f)),
  uint64: (f) => BigUint64Array.from(f.int),
  bool: (f) => Uint8Array.from(narrow(f)),
  string: (f) => f.strings,
};

interface RawTensor extends TypedFields {
  readonly dims: bigint[];
  dtypeCode: number;
  name: string;
  raw: Uint8Array | undefined;
  readonly external: Map<string, string>;
  isExternal: boolean;
}

function readEntry(bytes: Uint8Array, into: Map<string, string>): void {
  let key = '';
  let value = '';
  readMessage(bytes, {
    1: (f) => {
      key = f.string();
    },
    2: (f) => {
      value = f.string();
    },
  });
  into.set(key, value);
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
  6: (f) => t.strings.push(f.string()),
  7: (f) => f.bigints(t.int),
  8: (f) => {
    t.name = f.string();
  },
  9: (f) => {
    t.raw = f.bytes();
  },
  10: (f) => f.doubles(t.double),
  11: (f) => f.bigints(t.int),
  13: (f) => readEntry(f.bytes(), t.external),
  14: (f) => {
    t.isExternal = f.int() === 1;
  },
});

function externalEntry(entries: Map<string, string>): ExternalEntry {
  const number = (key: string) => (entries.has(key) ? Number(entries.get(key)) : undefined);
  return { location: entries.get('location') ?? '', offset: number('offset') ?? 0, length: number('length') };
}

function dimsOf(t: RawTensor): number[] {
  const dims = t.dims.map(Number);
  if (dims.length > MAX_RANK || dims.some((d) => d < 0) || !Number.isSafeInteger(sizeOf(dims))) {
    throw new OnnxError(`tensor '${t.name}': expected sensible dimensions, got [${dims.slice(0, MAX_RANK)}]`);
  }
  return dims;
}

function fromRaw(dtype: DType, t: RawTensor, bytes: Uint8Array, dims: readonly number[]): TensorData {
  if (dtype === 'string') throw new OnnxError(`tensor '${t.name}': expected strings as string_data, got raw bytes`);
  const expected = sizeOf(dims) * dtypes[dtype].bytes;
  if (bytes.length !== expected) {
    throw new OnnxError(`tensor '${t.name}' ${dtype}[${dims}]: expected ${expected} bytes, got ${bytes.length}`);
  }
  return viewOf(dtype, new Uint8Array(bytes).buffer);
}

/** Reads a `TensorProto`; the tensor owns its data. */
export function readTensor(bytes: Uint8Array, external: ExternalReader): { readonly name: string; tensor: Tensor } {
  const t: RawTensor = {
    ...{ dims: [], float: [], int: [], double: [], strings: [], external: new Map() },
    ...{ dtypeCode: 0, name: '', raw: undefined, isExternal: false },
  };
  readMessage(bytes, tensorFields(t));
  const dtype = dtypeOfCode(t.dtypeCode);
  if (!dtype) throw new OnnxError(`tensor '${t.name}': expected a known element type, got code ${t.dtypeCode}`);
  const dims = dimsOf(t);
  const raw = t.isExternal ? external.read(externalEntry(t.external)) : t.raw;
  const data = raw ? fromRaw(dtype, t, raw, dims) : typed[dtype](t);
  if (data.length !== sizeOf(dims)) {
    throw new OnnxError(`tensor '${t.name}' ${dtype}[${dims}]: expected ${sizeOf(dims)} elements, got ${data.length}`);
  }
  return { name: t.name, tensor: { dtype, dims, data } as Tensor };
}

function writeExternal(w: MessageWriter, entry: ExternalEntry): void {
  for (const [key, value] of Object.entries(entry)) {
    w.message(13, (e) => e.string(1, key).string(2, String(value)));
  }
  w.int(14, 1);
}

/** Writes a `TensorProto`, to the external file when there is one and the tensor is not small. */
export function writeTensor(w: MessageWriter, tensor: Tensor, name = '', external?: ExternalWriter): void {
  w.ints(1, tensor.dims).int(2, dtypes[tensor.dtype].code).text(8, name);
  const bytes = bytesOf(tensor);
  if (!bytes) for (const text of tensor.data as readonly string[]) w.string(6, text);
  else if (external && bytes.length >= MIN_EXTERNAL_BYTES) writeExternal(w, external.put(bytes));
  else w.bytes(9, bytes);
}
