import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { OnnxError } from '../errors.js';
import { MAX_PARTS, MAX_TYPED_ELEMENTS } from './limits.js';
import type { IntegerList, NumberList } from './number-list.js';
import { decodeText } from './text.js';

/** Counts the parts of one model, so that small files cannot become large object graphs. */
export class Budget {
  private parts = 0;

  /** Takes one; throws when there are too many. */
  take(): void {
    if (++this.parts > MAX_PARTS) throw new OnnxError(`model: expected at most ${MAX_PARTS} parts, got more`);
  }
}

type Repeated = WireType.Varint | WireType.Bit32 | WireType.Bit64;
type Reserving = { readonly reserve: (more: number) => void };

/** The last byte of a varint is the one below 0x80. */
function countVarints(bytes: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < bytes.length; i++) if ((bytes[i] as number) < 0x80) count++;
  return count;
}

/** Elements of a packed list; its bytes may be damaged. */
const elementCount: { readonly [W in Repeated]: (bytes: Uint8Array) => number } = {
  [WireType.Varint]: countVarints,
  [WireType.Bit32]: (bytes) => Math.ceil(bytes.length / 4),
  [WireType.Bit64]: (bytes) => Math.ceil(bytes.length / 8),
};

/** One field of a message while it is being read; every method checks that the wire type fits. */
export class Field {
  constructor(
    private readonly reader: BinaryReader,
    private readonly budget: Budget,
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

  /** A message, not looked into yet. */
  message(): Message {
    return new Message(this.bytes(), this.budget);
  }

  /** UTF-8 text; throws on other bytes. */
  string(): string {
    this.budget.take();
    this.expect(WireType.LengthDelimited);
    return this.reader.string(true);
  }

  /** A bytes field with text in it; see `decodeText`. */
  text(): string {
    return decodeText(this.bytes());
  }

  /** A bytes field with text in it, appended to `into`. */
  texts(into: string[]): void {
    if (into.push(this.text()) > MAX_TYPED_ELEMENTS) throw this.tooMany();
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
  bigints(into: IntegerList): void {
    this.repeated(WireType.Varint, into, (reader) => into.push(BigInt(reader.int64())));
  }

  /** Repeated floats, packed or not. */
  floats(into: NumberList<Float32Array<ArrayBuffer>>): void {
    this.repeated(WireType.Bit32, into, (reader) => into.push(reader.float()));
  }

  /** Repeated doubles, packed or not. */
  doubles(into: NumberList<Float64Array<ArrayBuffer>>): void {
    this.repeated(WireType.Bit64, into, (reader) => into.push(reader.double()));
  }

  private repeated(wire: Repeated, into: Reserving, one: (reader: BinaryReader) => number): void {
    if (this.wire === wire) {
      if (one(this.reader) > MAX_TYPED_ELEMENTS) throw this.tooMany();
      return;
    }
    const bytes = this.bytes();
    const count = elementCount[wire](bytes);
    if (count > MAX_TYPED_ELEMENTS) throw this.tooMany();
    into.reserve(count);
    const packed = new BinaryReader(bytes);
    while (packed.pos < packed.len) {
      if (one(packed) > MAX_TYPED_ELEMENTS) throw this.tooMany();
    }
    if (packed.pos > packed.len) throw new RangeError('premature end');
  }

  private tooMany(): OnnxError {
    return new OnnxError(`field ${this.no}: expected at most ${MAX_TYPED_ELEMENTS} elements, got more; use raw_data`);
  }
}

/** What to do with each field number of a message; others are skipped. */
export type Handlers = { readonly [no: number]: (field: Field) => void };

/** The bytes of a message; one part of the model's budget. */
export class Message {
  constructor(
    private readonly content: Uint8Array,
    private readonly budget: Budget = new Budget(),
  ) {
    budget.take();
  }

  /** Reads the fields, and hands back those without a handler as they are. Throws OnnxError or RangeError on damaged bytes. */
  read(handlers: Handlers): Uint8Array | undefined {
    const reader = new BinaryReader(this.content);
    const skipped: Uint8Array[] = [];
    while (reader.pos < reader.len) {
      const start = reader.pos;
      const [no, wire] = reader.tag();
      const handle = handlers[no];
      if (handle) {
        handle(new Field(reader, this.budget, no, wire));
      } else {
        reader.skip(wire, no);
        this.budget.take();
        skipped.push(this.content.subarray(start, reader.pos));
      }
      if (reader.pos > reader.len) throw new RangeError('premature end');
    }
    return skipped.length > 0 ? new Uint8Array(Buffer.concat(skipped)) : undefined;
  }
}
