import { isUtf8 } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { HubError } from '../errors.js';

/** Longest line, and longest record, of a text file in bytes. */
export const MAX_LINE_BYTES = 2 ** 24;

const NEWLINE = 0x0a;

/**
 * Whole lines of a text file, as bytes that are UTF-8, many at a time; `.gz` is unpacked on the way.
 * Throws `HubError` of kind `input` for a missing file, damaged gzip, other encodings and endless lines.
 */
export async function* textLines(file: string): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  let held = 0;
  let line = 1;
  for await (const chunk of chunksOf(file)) {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end === 0) {
      rest.push(chunk);
      held += chunk.length;
      if (held > MAX_LINE_BYTES)
        throw new HubError('input', `${file}: expected lines of at most ${MAX_LINE_BYTES} bytes (line ${line})`);
      continue;
    }
    const lines = Buffer.concat([...rest, chunk.subarray(0, end)]);
    checkUtf8(lines, file, line);
    yield lines;
    line += count(lines);
    rest = [chunk.subarray(end)];
    held = chunk.length - end;
  }
  const last = Buffer.concat(rest);
  if (last.length === 0) return;
  checkUtf8(last, file, line);
  yield last;
}

async function* chunksOf(file: string): AsyncGenerator<Buffer> {
  const source = createReadStream(file, { highWaterMark: 2 ** 18 });
  const gunzip = file.endsWith('.gz') ? createGunzip({ chunkSize: 2 ** 18 }) : undefined;
  // Errors of the source reach the reader through the last stream of the pipeline.
  if (gunzip) pipeline(source, gunzip).catch(() => {});
  try {
    for await (const chunk of gunzip ?? source) yield chunk as Buffer;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new HubError('input', `${file}: expected a data file, found none`, { cause });
    if (gunzip && code?.startsWith('Z_'))
      throw new HubError('input', `${file}: not a readable gzip file; pack it again`, { cause });
    throw new HubError('input', `${file}: expected a readable file, got ${code ?? 'an error'}`, { cause });
  } finally {
    source.destroy();
    gunzip?.destroy();
  }
}

function checkUtf8(lines: Buffer, file: string, first: number): void {
  if (isUtf8(lines)) return;
  let line = first;
  for (let at = 0; at < lines.length; line++) {
    const newline = lines.indexOf(NEWLINE, at);
    const end = newline < 0 ? lines.length : newline + 1;
    if (!isUtf8(lines.subarray(at, end))) break;
    at = end;
  }
  throw new HubError('input', `${file}: expected UTF-8, got other bytes (line ${line}); save it as UTF-8`);
}

function count(lines: Buffer): number {
  let n = 0;
  for (let at = lines.indexOf(NEWLINE); at >= 0; at = lines.indexOf(NEWLINE, at + 1)) n++;
  return n;
}
