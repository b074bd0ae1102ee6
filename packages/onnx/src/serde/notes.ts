import { OnnxError } from '../errors.js';
import { type Notes, notesOf } from '../notes.js';
import type { Handlers, Message } from './message-reader.js';
import type { MessageWriter } from './message-writer.js';

/** Reads a `StringStringEntryProto`. */
export function readEntry(message: Message): readonly [key: string, value: string] {
  let [key, value] = ['', ''];
  message.read({
    1: (f) => {
      key = f.string();
    },
    2: (f) => {
      value = f.string();
    },
  });
  return [key, value];
}

/** Entries as a record; throws on a key that stands twice. */
export function recordOf<T>(entries: readonly (readonly [string, T])[], where: string): Record<string, T> {
  const record = Object.fromEntries(entries);
  if (Object.keys(record).length < entries.length) {
    const keys = new Set<string>();
    const twice = entries.find(([key]) => keys.size === keys.add(key).size);
    throw new OnnxError(`${where}: expected each name once, got '${twice?.[0]}' again`);
  }
  return record;
}

/** Reads a message whose fields `doc` and `metadata` are notes; so are the fields that nobody handles. */
export function readNotes(message: Message, doc: number, metadata: number, handlers: Handlers): Notes | undefined {
  let text = '';
  const entries: (readonly [string, string])[] = [];
  const unknown = message.read({
    ...handlers,
    [doc]: (f) => {
      text = f.string();
    },
    [metadata]: (f) => entries.push(readEntry(f.message())),
  });
  return notesOf({
    doc: text,
    metadata: entries.length > 0 ? recordOf(entries, 'metadata') : undefined,
    unknown,
  });
}

/** Writes metadata entries. */
export function writeEntries(w: MessageWriter, no: number, entries: Readonly<Record<string, string>>): void {
  for (const [key, value] of Object.entries(entries)) w.message(no, (e) => e.string(1, key).string(2, value));
}

/** Writes notes into the message they belong to. */
export function writeNotes(w: MessageWriter, doc: number, metadata: number, notes: Notes | undefined): void {
  if (!notes) return;
  w.text(doc, notes.doc ?? '');
  writeEntries(w, metadata, notes.metadata ?? {});
  if (notes.unknown) w.raw(notes.unknown);
}
