/**
 * Text in fields that the format declares as bytes. Files put other bytes there too (compiled engines, keys of maps), and
 * those must come back as they were: a byte that is no UTF-8 becomes the lone surrogate U+DC00 + byte, as in PEP 383.
 */
import { OnnxError } from '../errors.js';

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const ESCAPE = 0xdc00;

/** Sequences by their first byte: how many bytes follow, its payload bits, the least code point (Unicode 15, table 3-7). */
const sequences = [
  { from: 0xc2, to: 0xdf, more: 1, mask: 0x1f, least: 0x80 },
  { from: 0xe0, to: 0xef, more: 2, mask: 0x0f, least: 0x800 },
  { from: 0xf0, to: 0xf4, more: 3, mask: 0x07, least: 0x10000 },
] as const;

/** The code point of the sequence at `at` and its bytes; undefined when there is none. */
function codePointAt(bytes: Uint8Array, at: number): { readonly code: number; readonly length: number } | undefined {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return { code: first, length: 1 };
  const sequence = sequences.find(({ from, to }) => first >= from && first <= to);
  if (!sequence) return undefined;
  let code = first & sequence.mask;
  for (let i = 1; i <= sequence.more; i++) {
    const next = bytes[at + i] ?? 0;
    if ((next & 0xc0) !== 0x80) return undefined;
    code = (code << 6) | (next & 0x3f);
  }
  const isSurrogate = code >= 0xd800 && code <= 0xdfff;
  return code < sequence.least || code > 0x10ffff || isSurrogate ? undefined : { code, length: sequence.more + 1 };
}

function decodeEscaped(bytes: Uint8Array): string {
  const units = new Uint16Array(bytes.length);
  let length = 0;
  for (let at = 0; at < bytes.length; ) {
    const point = codePointAt(bytes, at) ?? { code: ESCAPE + (bytes[at] as number), length: 1 };
    const beyond = point.code - 0x10000;
    if (beyond >= 0) units[length++] = 0xd800 + (beyond >> 10);
    units[length++] = beyond >= 0 ? 0xdc00 + (beyond & 0x3ff) : point.code;
    at += point.length;
  }
  return Buffer.from(units.buffer, 0, 2 * length).toString('utf16le');
}

/** The text of bytes; what is no UTF-8 is escaped. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes);
  } catch {
    return decodeEscaped(bytes);
  }
}

function encodeEscaped(text: string): Uint8Array {
  const out = Buffer.alloc(3 * text.length);
  let length = 0;
  for (const character of text) {
    const code = character.codePointAt(0) as number;
    if (code < 0xd800 || code > 0xdfff) {
      length += out.write(character, length, 'utf8');
    } else if (code >= ESCAPE + 0x80 && code <= ESCAPE + 0xff) {
      out[length++] = code - ESCAPE;
    } else {
      throw new OnnxError(`text: expected Unicode, got the lone surrogate U+${code.toString(16).toUpperCase()}`);
    }
  }
  return out.subarray(0, length);
}

/** The bytes of a text that `decodeText` made, or of any text without lone surrogates. */
export const encodeText = (text: string): Uint8Array =>
  /\p{Surrogate}/u.test(text) ? encodeEscaped(text) : Buffer.from(text, 'utf8');
