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

/** Bytes that are got only when they are written, in pieces each of which is good until the next one. */
interface Later {
  readonly length: number;
  readonly pieces: () => Iterable<Uint8Array>;
}

/** Writes one message as a list of chunks, so that weights are copied once, or never where the list goes to a file. */
export class MessageWriter {
  private readonly chunks: (Uint8Array | Later)[] = [];
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

  /** A bytes field of known length, got when it is written. */
  later(no: number, length: number, pieces: () => Iterable<Uint8Array>): this {
    this.small.tag(no, WireType.LengthDelimited).uint32(length);
    return this.append({ length, pieces });
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
    const pieces = this.pieces();
    const out = new Uint8Array(this.size);
    let at = 0;
    for (const piece of pieces) {
      out.set(piece, at);
      at += piece.length;
    }
    return out;
  }

  /** The whole message in pieces, each good until the next one only. */
  pieces(): Iterable<Uint8Array> {
    const chunks = this.close();
    if (this.size > MAX_MESSAGE_BYTES) throw tooLarge(this.size);
    return eachPiece(chunks);
  }

  private append(chunk: Uint8Array | Later): this {
    if (chunk instanceof Uint8Array && chunk.length < LARGE) this.small.raw(chunk);
    else {
      this.close().push(chunk);
      this.size += chunk.length;
    }
    return this;
  }

  private close(): (Uint8Array | Later)[] {
    const bytes = this.small.finish();
    if (bytes.length > 0) this.chunks.push(bytes);
    this.size += bytes.length;
    return this.chunks;
  }
}

function* eachPiece(chunks: readonly (Uint8Array | Later)[]): Generator<Uint8Array> {
  for (const chunk of chunks) {
    if (chunk instanceof Uint8Array) yield chunk;
    else yield* chunk.pieces();
  }
}

/** The error of a model that protobuf cannot hold. */
export const tooLarge = (size: number): OnnxError =>
  new OnnxError(`model: expected at most ${MAX_MESSAGE_BYTES} bytes, got ${size}; write the weights as externalData`);
