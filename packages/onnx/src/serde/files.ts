import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { OnnxError } from '../errors.js';

function writeAll(fd: number, bytes: Uint8Array): void {
  // One write moves at most 2 GiB and may stop earlier.
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, Math.min(bytes.length - at, 2 ** 30));
}

/** Writes a file so that it is there whole or not at all: temporary name, fsync, rename. */
export function writeFileAtomic(path: string, chunks: Iterable<Uint8Array>): void {
  const temporary = `${path}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    const fd = openSync(temporary, 'wx');
    try {
      for (const chunk of chunks) writeAll(fd, chunk);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw new OnnxError(`file '${path}': expected to write it, got ${(cause as Error).message}`, 'job', { cause });
  }
}
