import type { DType } from './dtype.js';
import type { Value } from './model.js';
import type { Notes } from './notes.js';
import type { Dim, Shape } from './shape.js';
import type { ValueType } from './value-type.js';

const bare = /^[A-Za-z0-9_.+*/-]+$/;

/** A name: bare where it can be, else in JSON quotes. */
export const word = (text: string): string => (bare.test(text) ? text : JSON.stringify(text));

/** A value's name, `_` for an absent one. */
export const nameOf = (value: Value | undefined): string => (value ? `%${word(value.name)}` : '_');

function dimText(dim: Dim): string {
  if (typeof dim !== 'string') return dim === null ? '?' : String(dim);
  // A dimension named like a number or like nothing would be read as one.
  return bare.test(dim) && !/^-?\d+$/.test(dim) ? dim : JSON.stringify(dim);
}

const arrayText = (dtype: DType | undefined, shape: Shape | undefined): string =>
  `${dtype ?? '?'}${shape ? `[${shape.map(dimText).join(',')}]` : ''}`;

/** Texts in quotes, as a list in brackets. */
const quoted = (texts: readonly string[]): string => `[${texts.map((t) => JSON.stringify(t)).join(', ')}]`;

/** Notes as ` !{doc: "…"}`; nothing when there are none. */
export function notesText(notes: Notes | undefined): string {
  const { doc, denotation, axes, metadata, unknown } = notes ?? {};
  const entries = [
    doc !== undefined && `doc: ${JSON.stringify(doc)}`,
    denotation !== undefined && `denotation: ${JSON.stringify(denotation)}`,
    axes && `axes: ${quoted(axes)}`,
    metadata && `metadata: ${quoted(Object.entries(metadata).flat())}`,
    unknown && `unknown: "${Buffer.from(unknown).toString('base64')}"`,
  ].filter((text) => text);
  return entries.length > 0 ? ` !{${entries.join(', ')}}` : '';
}

function bareType(type: ValueType): string {
  switch (type.kind) {
    case 'tensor':
      return arrayText(type.dtype, type.shape);
    case 'sparse':
      return `sparse(${arrayText(type.dtype, type.shape)})`;
    case 'sequence':
    case 'optional':
      return `${type.kind}(${typeText(type.element)})`;
    case 'map':
      return `map(${type.key ?? '?'}, ${typeText(type.value)})`;
    case 'opaque':
      return `opaque(${JSON.stringify(type.domain)}, ${JSON.stringify(type.name)})`;
  }
}

/** A type such as `float32[batch,4]` or `sequence(int64[])`; `_` when nothing is known. */
export const typeText = (type: ValueType | undefined): string =>
  type ? `${bareType(type)}${notesText(type.notes)}` : '_';

/** A value where it is defined: its name, its type, its notes. */
export function declared(value: Value): string {
  const { dtype, shape, type } = value;
  const known = type ? typeText(type) : dtype || shape ? arrayText(dtype, shape) : undefined;
  return `${nameOf(value)}${known === undefined ? '' : `: ${known}`}${notesText(value.notes)}`;
}
