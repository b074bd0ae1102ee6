import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { OnnxError } from '../errors.js';
import { MAX_MESSAGE_BYTES } from './limits.js';

/** Bytes from this size on are kept by reference until the end; the library's writer would copy them at every level. */
const LARGE = 1024;
const INT64_MAX = 2n ** 63n - 1n;

/** A 64-bit integer of a number; 2^63, the nearest number to the largest one, becomes the largest one. */
const toInt64 = (value: number | bigint): bigint => {
  const big = BigInt(value);
  return big > INT64_MAX ? INT64_MAX : big;
};

/** Writes one message as a list of chunks, so that weights are copied once. */
export class MessageWriter {
  private readonly chunks: Uint8Array[] = [];
  private size = 0;
  private readonly small = new BinaryWriter();

  /** An int64, bool or enum field. */
  int(no: number, value: number | bigint): this {
    this.small.tag(no, WireType.Varint).int64(toInt64(value));
    return this;
  }

  /** A 32-bit float field. */
  float(no: number, value: number): this {
    this.small.tag(no, WireType.Bit32).float(value);
    return this;
  }

  /** A text field. */
  string(no: number, value: string): this {
    this.small.tag(no, WireType.LengthDelimited).string(value);
    return this;
  }

  /** A text field that is left out when empty. */
  text(no: number, value: string): this {
    return value === '' ? this : this.string(no, value);
  }

  /** A bytes field; large ones are referred to until `finish`. */
  bytes(no: number, value: Uint8Array): this {
    this.small.tag(no, WireType.LengthDelimited).uint32(value.length);
    return this.append(value);
  }

  /** Fields as they are. */
  raw(fields: Uint8Array): this {
    return this.append(fields);
  }

  /** A packed list of int64. */
  ints(no: number, values: readonly (number | bigint)[]): this {
    if (values.length === 0) return this;
    this.small.tag(no, WireType.LengthDelimited).fork();
    for (const value of values) this.small.int64(toInt64(value));
    this.small.join();
    return this;
  }

  /** A packed list of floats. */
  floats(no: number, values: readonly number[]): this {
    if (values.length === 0) return this;
    this.small.tag(no, WireType.LengthDelimited).fork();
    for (const value of values) this.small.float(value);
    this.small.join();
    return this;
  }

  /** A message field. */
  message(no: number, fill: (writer: MessageWriter) => void): this {
    const inner = new MessageWriter();
    fill(inner);
    const chunks = inner.close();
    if (inner.size > MAX_MESSAGE_BYTES) throw tooLarge(inner.size);
    this.small.tag(no, WireType.LengthDelimited).uint32(inner.size);
    for (const chunk of chunks) this.append(chunk);
    return this;
  }

  /** The whole message in one array. */
  finish(): Uint8Array {
    const chunks = this.close();
    if (this.size > MAX_MESSAGE_BYTES) throw tooLarge(this.size);
    const out = new Uint8Array(this.size);
    let at = 0;
    for (const chunk of chunks) {
      out.set(chunk, at);
      at += chunk.length;
    }
    return out;
  }

  private append(chunk: Uint8Array): this {
    if (chunk.length < LARGE) this.small.raw(chunk);
    else this.close().push(chunk);
    if (chunk.length >= LARGE) this.size += chunk.length;
    return this;
  }

  private close(): Uint8Array[] {
    const bytes = this.small.finish();
    if (bytes.length > 0) this.chunks.push(bytes);
    this.size += bytes.length;
    return this.chunks;
  }
}

/** The error of a model that protobuf cannot hold. */
export const tooLarge = (size: number): OnnxError =>
  new OnnxError(`model: expected at most ${MAX_MESSAGE_BYTES} bytes, got ${size}; write the weights as externalData`);
