/** Decodes recorded tensors apart from the package under test, to what the binding of ONNX Runtime takes. */
import { native } from './adapt.js';
import type { Plain } from './compare.js';
import { bigints, type Field, fieldsOf, integer, integers, messages } from './wire.js';

type Numbers = Exclude<Plain['data'], readonly string[]>;
interface ArrayType {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike): Numbers;
}

/** The array of each numeric element type; float16 as its bits. */
const arrays: Readonly<Record<string, ArrayType>> = {
  ...{ float32: Float32Array, float64: Float64Array, float16: Uint16Array, bool: Uint8Array },
  ...{ int8: Int8Array, int16: Int16Array, int32: Int32Array, int64: BigInt64Array },
  ...{ uint8: Uint8Array, uint16: Uint16Array, uint32: Uint32Array, uint64: BigUint64Array },
};

/** `float_data` and `double_data` hold the elements as they are; the integer fields hold them as varints. */
function unpacked(fields: readonly Field[], type: string): Uint8Array {
  const fixed = messages(fields, 4)[0] ?? messages(fields, 10)[0];
  if (fixed) return fixed;
  const no = type === 'int64' ? 7 : type === 'uint64' ? 11 : 5;
  const values = bigints(fields, no);
  const make = arrays[type] as unknown as { from(values: readonly unknown[]): ArrayBufferView };
  const typed = make.from(no === 5 ? values.map(Number) : values);
  return new Uint8Array(typed.buffer, typed.byteOffset, typed.byteLength);
}

/** A `TensorProto` of an element type the binding knows. */
export function plainTensor(bytes: Uint8Array): Plain {
  const fields = fieldsOf(bytes);
  const type = native[integer(fields, 2)] as string;
  const dims = integers(fields, 1);
  if (type === 'string') return { type, dims, data: messages(fields, 6).map((s) => Buffer.from(s).toString('utf8')) };
  const raw = messages(fields, 9)[0] ?? unpacked(fields, type);
  return { type, dims, data: new (arrays[type] as ArrayType)(new Uint8Array(raw).buffer) };
}
