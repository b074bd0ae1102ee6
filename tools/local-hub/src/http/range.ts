import { Fault } from './fault.js';

/** Bytes `start` (included) to `end` (not included). */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Reads a `Range` header against a size: undefined means the whole file (no header, several ranges or another unit).
 * Throws 416 when the range starts past the end, as it always does for an empty file (RFC 9110, 14.1.2).
 */
export function parseRange(header: string | undefined, size: number): ByteRange | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header?.trim() ?? '');
  if (!match || (match[1] === '' && match[2] === '')) return undefined;
  const suffix = match[1] === '';
  const start = suffix ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const end = suffix || match[2] === '' ? size : Math.min(size, Number(match[2]) + 1);
  if (start >= size || end <= start) {
    throw new Fault(416, 'Requested range not satisfiable', { headers: { 'Content-Range': `bytes */${size}` } });
  }
  return { start, end };
}
