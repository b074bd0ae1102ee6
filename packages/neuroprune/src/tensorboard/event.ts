/**
 * TensorBoard's `Event` in protocol buffers (tensorflow/core/util/event.proto, framework/summary.proto). Of it only three
 * messages with scalar fields are written, which takes less than a library and its generated code.
 */

/** Wire types of protocol buffers. */
const [VARINT, FIXED64, BYTES, FIXED32] = [0, 1, 2, 5] as const;

/** Numbers of the fields that are written. */
const FIELDS = { wallTime: 1, step: 2, fileVersion: 3, summary: 5, sessionLog: 7, value: 1, tag: 1, simpleValue: 2 };
const SESSION_START = 1;

/** Numbers by tag at a step. */
export interface ScalarEvent {
  /** Seconds since 1970. */
  readonly wallTime: number;
  readonly step: number;
  readonly scalars: Readonly<Record<string, number>>;
}

/** The first event of a file, by which readers know its format. */
export const versionEvent = (wallTime: number): Uint8Array =>
  joined([double(FIELDS.wallTime, wallTime), text(FIELDS.fileVersion, 'brain.Event:2')]);

/** Says that the run starts here: readers forget what they have of it from step 0 on. */
export const startEvent = (wallTime: number): Uint8Array =>
  joined([double(FIELDS.wallTime, wallTime), bytes(FIELDS.sessionLog, varint(1, SESSION_START))]);

/** An event with a summary of scalars. */
export function scalarEvent({ wallTime, step, scalars }: ScalarEvent): Uint8Array {
  const values = Object.entries(scalars).map(([tag, value]) =>
    bytes(FIELDS.value, joined([text(FIELDS.tag, tag), float(FIELDS.simpleValue, value)])),
  );
  return joined([double(FIELDS.wallTime, wallTime), varint(FIELDS.step, step), bytes(FIELDS.summary, joined(values))]);
}

const key = (field: number, wire: number): Uint8Array => Uint8Array.of((field << 3) | wire);

function varint(field: number, value: number): Uint8Array {
  return joined([key(field, VARINT), digits(value)]);
}

/** Seven bits a byte, the lowest first. */
function digits(value: number): Uint8Array {
  const out: number[] = [];
  let rest = value;
  for (; rest > 127; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128);
  return Uint8Array.from([...out, rest]);
}

function double(field: number, value: number): Uint8Array {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setFloat64(0, value, true);
  return joined([key(field, FIXED64), out]);
}

function float(field: number, value: number): Uint8Array {
  const out = new Uint8Array(4);
  new DataView(out.buffer).setFloat32(0, value, true);
  return joined([key(field, FIXED32), out]);
}

const bytes = (field: number, value: Uint8Array): Uint8Array =>
  joined([key(field, BYTES), digits(value.length), value]);

const text = (field: number, value: string): Uint8Array => bytes(field, new TextEncoder().encode(value));

const joined = (parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));
