import { type DType, isDType } from './dtype.js';
import type { ValueInfo } from './link.js';
import { type Notes, notesOf } from './notes.js';
import type { Dim, Shape } from './shape.js';
import type { TextReader } from './text-reader.js';
import type { ValueType } from './value-type.js';

function readDim(r: TextReader): Dim {
  if (r.accept('?')) return null;
  return /^-?\d+$/.test(r.next) ? r.integer() : r.word();
}

const readShape = (r: TextReader): Shape | undefined => (r.accept('[') ? r.list(']', () => readDim(r)) : undefined);

/** The name of an element type. */
export function readDType(r: TextReader): DType {
  const { next } = r;
  if (!isDType(next)) return r.fail('an element type');
  r.take();
  return next;
}

const readMaybeDType = (r: TextReader): DType | undefined => (r.accept('?') ? undefined : readDType(r));

function readTexts(r: TextReader): string[] {
  r.expect('[');
  return r.list(']', () => r.string());
}

function readMetadata(r: TextReader): Record<string, string> {
  const texts = readTexts(r);
  return Object.fromEntries(texts.flatMap((key, i) => (i % 2 === 0 ? [[key, texts[i + 1] ?? '']] : [])));
}

const noteReaders: { readonly [K in keyof Notes]-?: (r: TextReader) => Notes[K] } = {
  doc: (r) => r.string(),
  denotation: (r) => r.string(),
  axes: readTexts,
  metadata: readMetadata,
  unknown: (r) => new Uint8Array(Buffer.from(r.string(), 'base64')),
};

const isNote = (text: string): text is keyof Notes => Object.hasOwn(noteReaders, text);

/** Notes, when there are some. */
export function readNotes(r: TextReader): Notes | undefined {
  if (!r.accept('!')) return undefined;
  r.expect('{');
  const entries = r.list('}', () => {
    const { next } = r;
    if (!isNote(next)) return r.fail('a kind of note');
    r.take();
    r.expect(':');
    return [next, noteReaders[next](r)] as const;
  });
  return notesOf(Object.fromEntries(entries));
}

function inParentheses<T>(r: TextReader, read: () => T): T {
  r.take();
  r.expect('(');
  const result = r.nested(read);
  r.expect(')');
  return result;
}

function readMap(r: TextReader): ValueType {
  const key = readMaybeDType(r);
  r.expect(',');
  return { kind: 'map', key, value: readType(r) };
}

function readOpaque(r: TextReader): ValueType {
  const domain = r.string();
  r.expect(',');
  return { kind: 'opaque', domain, name: r.string() };
}

const kinds: { readonly [kind: string]: (r: TextReader) => ValueType } = {
  sparse: (r) => ({ kind: 'sparse', dtype: readMaybeDType(r), shape: readShape(r) }),
  sequence: (r) => ({ kind: 'sequence', element: readType(r) }),
  optional: (r) => ({ kind: 'optional', element: readType(r) }),
  map: readMap,
  opaque: readOpaque,
};

/** A type without its notes. */
function readBareType(r: TextReader): ValueType {
  const read = Object.hasOwn(kinds, r.next) ? kinds[r.next] : undefined;
  if (read) return inParentheses(r, () => read(r));
  return { kind: 'tensor', dtype: readMaybeDType(r), shape: readShape(r) };
}

/** A type, undefined for `_`. */
export function readType(r: TextReader): ValueType | undefined {
  if (r.accept('_')) return undefined;
  const type = readBareType(r);
  const notes = readNotes(r);
  return notes ? { ...type, notes } : type;
}

/** A value's name. */
export function readName(r: TextReader): string {
  r.expect('%');
  return r.word();
}

/** A value where it is defined. */
export function readDeclared(r: TextReader): ValueInfo {
  const name = readName(r);
  const type = r.accept(':') ? readBareType(r) : undefined;
  const notes = readNotes(r);
  if (type?.kind === 'tensor') return { name, dtype: type.dtype, shape: type.shape, notes };
  return { name, dtype: undefined, shape: undefined, type, notes };
}
