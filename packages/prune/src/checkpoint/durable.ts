import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { open, readdir, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

/** A file's size and SHA-256. */
export interface Fingerprint {
  readonly bytes: number;
  readonly sha256: string;
}

/** Bytes written and hashed at a time, so that whoever shares the thread is not kept waiting. */
const PIECE = 1 << 23;

/** Writes a file and waits until the disk has it; `midway` is called when half of the chunks are written. */
export async function writeDurable(
  file: string,
  chunks: readonly Uint8Array[],
  midway: () => void = () => {},
): Promise<Fingerprint> {
  const hash = createHash('sha256');
  let bytes = 0;
  const handle = await open(file, 'wx');
  try {
    for (const [i, chunk] of chunks.entries()) {
      if (i === chunks.length >> 1) midway();
      for (let at = 0; at < chunk.length; at += PIECE) {
        const piece = chunk.subarray(at, at + PIECE);
        await handle.appendFile(piece);
        hash.update(piece);
        bytes += piece.length;
      }
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { bytes, sha256: hash.digest('hex') };
}

/** Size and hash of a file as it is now. */
export async function fingerprintOf(file: string): Promise<Fingerprint> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return { bytes: (await stat(file)).size, sha256: hash.digest('hex') };
}

/** Waits until the disk has the names in a folder; where folders cannot be opened, there is nothing to wait for. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EISDIR' || error.code === 'EPERM' || error.code === 'EACCES') return undefined;
    throw error;
  });
  try {
    await handle?.sync();
  } finally {
    await handle?.close();
  }
}

/** Renames within a folder, and waits until the disk has it. */
export async function renameDurable(from: string, to: string): Promise<void> {
  await rename(from, to);
  await syncFolder(path.dirname(to));
}

/** Names in a folder; none where it is missing. */
export async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
}
