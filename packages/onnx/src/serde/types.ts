import { type DType, dtypeOfCode, dtypes } from '../dtype.js';
import { OnnxError } from '../errors.js';
import type { ValueInfo } from '../link.js';
import type { Value } from '../model.js';
import { type Notes, notesOf } from '../notes.js';
import type { Dim, Shape } from '../shape.js';
import type { ValueType } from '../value-type.js';
import { MAX_RANK, MAX_TYPE_DEPTH } from './limits.js';
import type { Message } from './message-reader.js';
import type { MessageWriter } from './message-writer.js';
import { readNotes, writeNotes } from './notes.js';

interface RawShape {
  readonly dims: Dim[];
  readonly axes: string[];
}

function readDim(message: Message, into: RawShape): void {
  let dim: Dim = null;
  let denotation = '';
  message.read({
    1: (f) => {
      const value = f.int();
      if (value > Number.MAX_SAFE_INTEGER) throw new OnnxError(`shape: expected a sensible dimension, got ${value}`);
      dim = value >= 0 ? value : null;
    },
    2: (f) => {
      dim = f.string() || null;
    },
    3: (f) => {
      denotation = f.string();
    },
  });
  into.dims.push(dim);
  into.axes.push(denotation);
}

function readShape(message: Message): RawShape {
  const shape: RawShape = { dims: [], axes: [] };
  message.read({ 1: (f) => readDim(f.message(), shape) });
  const { length } = shape.dims;
  if (length > MAX_RANK) throw new OnnxError(`shape: expected at most ${MAX_RANK} dimensions, got ${length}`);
  return shape;
}

interface ArrayType {
  readonly dtype: DType | undefined;
  readonly shape: Shape | undefined;
  readonly axes: readonly string[] | undefined;
}

function readArrayType(message: Message): ArrayType {
  let dtype: DType | undefined;
  let shape: RawShape | undefined;
  message.read({
    1: (f) => {
      dtype = readDType(f.int());
    },
    2: (f) => {
      shape = readShape(f.message());
    },
  });
  const { dims, axes } = (shape as RawShape | undefined) ?? {};
  return { dtype, shape: dims, axes: axes?.some((a) => a !== '') ? axes : undefined };
}

/** Code 0 is an unknown type; others must be known, or the file would come back as another one. */
function readDType(code: number): DType | undefined {
  const dtype = dtypeOfCode(code);
  if (!dtype && code !== 0) throw new OnnxError(`type: expected a known element type, got code ${code}`);
  return dtype;
}

function readPair(message: Message, depth: number): { key: DType | undefined; element: ValueType | undefined } {
  let key: DType | undefined;
  let element: ValueType | undefined;
  message.read({
    1: (f) => {
      key = readDType(f.int());
    },
    2: (f) => {
      element = readType(f.message(), depth);
    },
  });
  return { key, element };
}

function readElement(message: Message, depth: number): ValueType | undefined {
  let element: ValueType | undefined;
  message.read({
    1: (f) => {
      element = readType(f.message(), depth);
    },
  });
  return element;
}

function readOpaque(message: Message): ValueType {
  let [domain, name] = ['', ''];
  message.read({
    1: (f) => {
      domain = f.string();
    },
    2: (f) => {
      name = f.string();
    },
  });
  return { kind: 'opaque', domain, name };
}

/** Reads a `TypeProto`; undefined when it says nothing. */
export function readType(message: Message, depth = 1): ValueType | undefined {
  if (depth > MAX_TYPE_DEPTH) throw new OnnxError(`type: expected at most ${MAX_TYPE_DEPTH} levels, got more`);
  let type: ValueType | undefined;
  let denotation: string | undefined;
  let axes: readonly string[] | undefined;
  const array = (kind: 'tensor' | 'sparse', message: Message) => {
    const read = readArrayType(message);
    axes = read.axes;
    type = { kind, dtype: read.dtype, shape: read.shape };
  };
  message.read({
    1: (f) => array('tensor', f.message()),
    4: (f) => {
      type = { kind: 'sequence', element: readElement(f.message(), depth + 1) };
    },
    5: (f) => {
      const { key, element } = readPair(f.message(), depth + 1);
      type = { kind: 'map', key, value: element };
    },
    6: (f) => {
      denotation = f.string();
    },
    7: (f) => {
      type = readOpaque(f.message());
    },
    8: (f) => array('sparse', f.message()),
    9: (f) => {
      type = { kind: 'optional', element: readElement(f.message(), depth + 1) };
    },
  });
  const notes = notesOf({ denotation, axes });
  return type && notes ? { ...(type as ValueType), notes } : type;
}

/** Reads a `ValueInfoProto`. */
export function readValueInfo(message: Message): ValueInfo {
  let name = '';
  let type: ValueType | undefined;
  const notes = readNotes(message, 3, 4, {
    1: (f) => {
      name = f.string();
    },
    2: (f) => {
      type = readType(f.message());
    },
  });
  return infoOf(name, type, notes);
}

/** What is known of a value of this type. */
export function infoOf(name: string, type: ValueType | undefined, notes?: Notes): ValueInfo {
  if (!type) return { name, dtype: undefined, shape: undefined, notes };
  const { notes: own, ...bare } = type;
  const all = own || notes ? { ...notes, ...own } : undefined;
  if (bare.kind === 'tensor') return { name, dtype: bare.dtype, shape: bare.shape, notes: all };
  return { name, dtype: undefined, shape: undefined, type: bare, notes: all };
}

function writeDim(w: MessageWriter, dim: Dim, denotation: string): void {
  if (typeof dim === 'number') w.int(1, dim);
  else if (dim !== null) w.string(2, dim);
  w.text(3, denotation);
}

function writeShape(w: MessageWriter, shape: Shape, axes: readonly string[]): void {
  for (const [i, dim] of shape.entries()) w.message(1, (d) => writeDim(d, dim, axes[i] ?? ''));
}

function writeArrayType(w: MessageWriter, dtype: DType | undefined, shape: Shape | undefined, notes?: Notes): void {
  if (dtype) w.int(1, dtypes[dtype].code);
  if (shape) w.message(2, (s) => writeShape(s, shape, notes?.axes ?? []));
}

function writeElement(w: MessageWriter, no: number, element: ValueType | undefined): void {
  if (element) w.message(no, (e) => writeType(e, element));
}

/** Writes a `TypeProto`. */
export function writeType(w: MessageWriter, type: ValueType): void {
  switch (type.kind) {
    case 'tensor':
      w.message(1, (t) => writeArrayType(t, type.dtype, type.shape, type.notes));
      break;
    case 'sparse':
      w.message(8, (t) => writeArrayType(t, type.dtype, type.shape, type.notes));
      break;
    case 'sequence':
      w.message(4, (t) => writeElement(t, 1, type.element));
      break;
    case 'optional':
      w.message(9, (t) => writeElement(t, 1, type.element));
      break;
    case 'map':
      w.message(5, (t) => {
        if (type.key) t.int(1, dtypes[type.key].code);
        writeElement(t, 2, type.value);
      });
      break;
    case 'opaque':
      w.message(7, (t) => t.text(1, type.domain).text(2, type.name));
  }
  w.text(6, type.notes?.denotation ?? '');
}

/** The type of a value, dense tensors included; undefined when nothing is known. */
export function typeOf({ dtype, shape, type, notes }: Value): ValueType | undefined {
  const own = notesOf({ denotation: notes?.denotation, axes: notes?.axes });
  if (type) return own ? { ...type, notes: own } : type;
  return dtype || shape ? { kind: 'tensor', dtype, shape, notes: own } : undefined;
}

/** Writes a `ValueInfoProto`; a value of unknown type has a name only. */
export function writeValueInfo(w: MessageWriter, value: Value): void {
  const type = typeOf(value);
  w.string(1, value.name);
  if (type) w.message(2, (t) => writeType(t, type));
  writeNotes(w, 3, 4, value.notes);
}
