/** Protobuf messages field by field, apart from the package under test: what it drops must not be dropped here too. */
import { BinaryReader, BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** One field: a number for varints, bytes for everything else. */
export interface Field {
  readonly no: number;
  readonly value: number | Uint8Array;
  /** The field as it stands in the message, tag included. */
  readonly raw: Uint8Array;
}

function contentOf(bytes: Uint8Array, reader: BinaryReader, no: number, wire: WireType): number | Uint8Array {
  if (wire === WireType.Varint) return Number(reader.int64());
  if (wire === WireType.LengthDelimited) return reader.bytes();
  const start = reader.pos;
  reader.skip(wire, no);
  return bytes.subarray(start, reader.pos);
}

/** The fields of a message in the order in which they stand. */
export function fieldsOf(bytes: Uint8Array): Field[] {
  const reader = new BinaryReader(bytes);
  const fields: Field[] = [];
  while (reader.pos < reader.len) {
    const start = reader.pos;
    const [no, wire] = reader.tag();
    const value = contentOf(bytes, reader, no, wire);
    fields.push({ no, value, raw: bytes.subarray(start, reader.pos) });
  }
  return fields;
}

/** The messages, strings or bytes of a field, in order. */
export const messages = (fields: readonly Field[], no: number): Uint8Array[] =>
  fields.flatMap((f) => (f.no === no && typeof f.value !== 'number' ? [f.value] : []));

/** The last varint of a field; 0 when there is none. */
export const integer = (fields: readonly Field[], no: number): number =>
  fields.reduce((last, f) => (f.no === no && typeof f.value === 'number' ? f.value : last), 0);

function packed(bytes: Uint8Array): bigint[] {
  const reader = new BinaryReader(bytes);
  const numbers: bigint[] = [];
  while (reader.pos < reader.len) numbers.push(BigInt(reader.int64()));
  return numbers;
}

/** All varints of a repeated field, packed or not, as 64 signed bits. */
export const bigints = (fields: readonly Field[], no: number): bigint[] =>
  fields.flatMap((f) => (f.no !== no ? [] : typeof f.value === 'number' ? [BigInt(f.value)] : packed(f.value)));

/** The same as numbers; beyond 2^53 the nearest ones. */
export const integers = (fields: readonly Field[], no: number): number[] => bigints(fields, no).map(Number);

/** The last text of a field; empty when there is none. */
export const text = (fields: readonly Field[], no: number): string =>
  Buffer.from(messages(fields, no).at(-1) ?? []).toString('utf8');

/** What a field of a message to be made may be. */
export type Part = readonly [no: number, value: number | string | Uint8Array];

/** A message of varints, texts and messages. */
export function message(...parts: readonly Part[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const [no, value] of parts) {
    if (typeof value === 'number') writer.tag(no, WireType.Varint).int64(value);
    else if (typeof value === 'string') writer.tag(no, WireType.LengthDelimited).string(value);
    else writer.tag(no, WireType.LengthDelimited).bytes(value);
  }
  return writer.finish() as Uint8Array;
}
