/**
 * Serialized models as plain nested lists in which only meaning counts (onnx.proto): fields by number, attributes by
 * name, tensors by their elements, absent the same as empty.
 */

import { bigints, type Field, fieldsOf, integer, integers, message, messages, text } from './wire.js';

/** What a field's bytes are. */
type Kind = 'text' | 'tensor' | 'ints' | 'floats' | 'none' | keyof typeof schema;

/** A message's fields that hold messages or lists of numbers; any other field is a number or a text. */
const schema = {
  model: { 7: 'graph', 8: 'opset', 14: 'pair', 20: 'training', 25: 'function' },
  opset: {},
  pair: {},
  training: { 1: 'graph', 2: 'graph', 3: 'pair', 4: 'pair' },
  function: { 7: 'node', 9: 'opset', 11: 'attribute', 12: 'info', 14: 'pair' },
  graph: { 1: 'node', 5: 'tensor', 11: 'info', 12: 'info', 13: 'info', 14: 'annotation', 15: 'sparse', 16: 'pair' },
  annotation: { 2: 'pair' },
  node: { 5: 'attribute', 9: 'pair' },
  attribute: {
    ...{ 5: 'tensor', 6: 'graph', 7: 'floats', 8: 'ints', 10: 'tensor', 11: 'graph', 14: 'type', 15: 'type' },
    ...{ 22: 'sparse', 23: 'sparse' },
  },
  sparse: { 1: 'tensor', 2: 'tensor', 3: 'ints' },
  info: { 2: 'type', 4: 'pair' },
  type: { 1: 'tensorType', 4: 'holder', 5: 'mapType', 8: 'tensorType', 9: 'holder' },
  holder: { 1: 'type' },
  mapType: { 2: 'type' },
  tensorType: { 2: 'shape' },
  shape: { 1: 'dim' },
  dim: {},
} as const;

/** Order has no meaning in these fields: attributes, operator sets, metadata, and types of inner values. */
const unordered: Readonly<Record<string, readonly number[]>> = {
  ...{ model: [8, 14, 25], node: [5, 9], graph: [13, 14, 16], function: [9, 11, 12, 14] },
};

/** A message: its fields with their values, by number. */
export type Canonical = string | readonly Canonical[] | { readonly [no: string]: Canonical };

const WIDTHS: Readonly<Record<number, number>> = {
  ...{ 1: 4, 2: 1, 3: 1, 4: 2, 5: 2, 6: 4, 7: 8, 9: 1, 10: 2, 11: 8, 12: 4, 13: 8, 14: 8, 15: 16, 16: 2 },
};
const INT32_DATA = 5;

/** Elements as the hexadecimal of `raw_data`, from whichever field holds them. */
function elements(fields: readonly Field[], code: number): Canonical {
  if (code === 8) return messages(fields, 6).map((s) => Buffer.from(s).toString('hex'));
  const raw = [9, 4, 10].map((no) => Buffer.concat(messages(fields, no))).find((bytes) => bytes.length > 0);
  if (raw) return raw.toString('hex');
  const width = WIDTHS[code] ?? 1;
  const values = [INT32_DATA, 7, 11].flatMap((no) => bigints(fields, no));
  const bytes = Buffer.alloc(width * values.length);
  for (const [i, value] of values.entries()) {
    const low = Buffer.alloc(8);
    low.writeBigInt64LE(value);
    low.copy(bytes, i * width, 0, Math.min(8, width));
  }
  return bytes.toString('hex');
}

function tensor(bytes: Uint8Array, named: boolean): Canonical {
  const fields = fieldsOf(bytes);
  const code = integer(fields, 2);
  return {
    // An initializer is found by its name; that of an attribute's tensor has no meaning.
    name: named ? text(fields, 8) : '',
    type: String(code),
    dims: integers(fields, 1).map(String),
    elements: elements(fields, code),
    external: messages(fields, 13).map((pair) => canonical(pair, 'pair')),
    doc: text(fields, 12),
  };
}

const fixed = (bytes: Uint8Array): string[] =>
  Array.from({ length: bytes.length / 4 }, (_, i) => Buffer.from(bytes.subarray(4 * i, 4 * i + 4)).toString('hex'));

function content(field: Field, kind: Kind, named: boolean): Canonical[] {
  const { value, no } = field;
  if (kind === 'floats') return typeof value === 'number' ? [] : fixed(value);
  if (kind === 'ints') return bigints([field], no).map(String);
  if (typeof value === 'number') return [String(value)];
  if (kind === 'tensor') return [tensor(value, named)];
  return [kind === 'text' ? Buffer.from(value).toString('latin1') : canonical(value, kind as keyof typeof schema)];
}

const isEmpty = (value: Canonical): boolean => value === '' || value === '0';

/** A serialized message in this form. */
function canonical(bytes: Uint8Array, kind: keyof typeof schema): Canonical {
  const kinds = schema[kind] as Readonly<Record<number, Kind>>;
  const fields: Record<string, Canonical[]> = {};
  for (const field of fieldsOf(bytes)) {
    fields[field.no] = [...(fields[field.no] ?? []), ...content(field, kinds[field.no] ?? 'text', kind === 'graph')];
  }
  for (const no of unordered[kind] ?? []) fields[no]?.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
  return Object.fromEntries(Object.entries(fields).filter(([, all]) => !(all.length === 1 && isEmpty(all[0] ?? ''))));
}

/** The version of the format from which on initializers are not listed among the inputs; files before it are written in it. */
const LIFTED_IR = 4;

/** What a serialized model means: one of an older format is taken to the one it is written in. */
export function meaningOf(model: Uint8Array): Canonical {
  const fields = fieldsOf(model);
  if (integer(fields, 1) >= LIFTED_IR) return canonical(model, 'model');
  const rest = fields.filter(({ no }) => no !== 1 && no !== 7).map(({ raw }) => raw);
  const graph = fieldsOf(messages(fields, 7)[0] ?? new Uint8Array());
  const initializers = new Set(messages(graph, 5).map((t) => text(fieldsOf(t), 8)));
  const kept = graph.filter(({ no, value }) => {
    return no !== 11 || typeof value === 'number' || !initializers.has(text(fieldsOf(value), 1));
  });
  const lifted = message([1, LIFTED_IR], [7, Buffer.concat(kept.map(({ raw }) => raw))]);
  return canonical(Buffer.concat([lifted, ...rest]), 'model');
}

/** Where two messages first differ and how, undefined when they mean the same. */
export function firstDifference(a: Canonical | undefined, b: Canonical | undefined, at = ''): string | undefined {
  if (a === undefined || b === undefined || typeof a === 'string' || typeof b === 'string') {
    const [x, y] = [a, b].map((v) => (v === undefined ? 'nothing' : JSON.stringify(v).slice(0, 80)));
    return x === y ? undefined : `${at}: ${x} became ${y}`;
  }
  const [left, right] = [a, b].map((v) => v as Readonly<Record<string, Canonical>>) as [
    Readonly<Record<string, Canonical>>,
    Readonly<Record<string, Canonical>>,
  ];
  for (const key of new Set([...Object.keys(left), ...Object.keys(right)])) {
    const found = firstDifference(left[key], right[key], `${at}/${key}`);
    if (found) return found;
  }
  return undefined;
}
