import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { OnnxError } from '../errors.js';
import { MAX_TYPED_ELEMENTS } from './limits.js';

/** One field of a message while it is being read; every method checks that the wire type fits. */
export class Field {
  constructor(
    private readonly reader: BinaryReader,
    private readonly no: number,
    private readonly wire: WireType,
  ) {}

  private expect(wire: WireType): void {
    if (this.wire !== wire)
      throw new OnnxError(`field ${this.no}: expected wire type ${wire}, got ${this.wire}; the file is damaged`);
  }

  /** Bytes, as a view into the file. */
  bytes(): Uint8Array {
    this.expect(WireType.LengthDelimited);
    return this.reader.bytes();
  }

  /** UTF-8 text; throws on other bytes. */
  string(): string {
    this.expect(WireType.LengthDelimited);
    return this.reader.string(true);
  }

  /** An int64 or enum. */
  bigint(): bigint {
    this.expect(WireType.Varint);
    return BigInt(this.reader.int64());
  }

  /** An int64 as a number; beyond 2^53 it is the nearest one. */
  int(): number {
    return Number(this.bigint());
  }

  /** A 32-bit float. */
  float(): number {
    this.expect(WireType.Bit32);
    return this.reader.float();
  }

  /** Repeated int32, int64 or uint64, packed or not, appended to `into` as 64 signed bits. */
  bigints(into: bigint[]): void {
    this.repeated(WireType.Varint, (reader) => into.push(BigInt(reader.int64())));
  }

  /** Repeated floats, packed or not. */
  floats(into: number[]): void {
    this.repeated(WireType.Bit32, (reader) => into.push(reader.float()));
  }

  /** Repeated doubles, packed or not. */
  doubles(into: number[]): void {
    this.repeated(WireType.Bit64, (reader) => into.push(reader.double()));
  }

  private repeated(wire: WireType, one: (reader: BinaryReader) => number): void {
    if (this.wire === wire) {
      one(this.reader);
      return;
    }
    const packed = new BinaryReader(this.bytes());
    while (packed.pos < packed.len) {
      if (one(packed) > MAX_TYPED_ELEMENTS) {
        throw new OnnxError(
          `field ${this.no}: expected at most ${MAX_TYPED_ELEMENTS} elements, got more; use raw_data`,
        );
      }
    }
  }
}

/** What to do with each field number of a message; others are skipped. */
export type Handlers = { readonly [no: number]: (field: Field) => void };

/** Reads one message; throws OnnxError or RangeError on damaged bytes. */
export function readMessage(bytes: Uint8Array, handlers: Handlers): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [no, wire] = reader.tag();
    const handle = handlers[no];
    if (handle) handle(new Field(reader, no, wire));
    else reader.skip(wire, no);
    if (reader.pos > reader.len) throw new RangeError('premature end');
  }
}
