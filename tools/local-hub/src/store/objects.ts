import { createHash, type Hash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Where an object is filed: git blobs by their sha1, large files by their sha256. */
export type ObjectKind = 'git' | 'lfs';

/** Name of bytes as git gives it: `sha1("blob " + length + "\0" + bytes)`. */
export const gitOid = (bytes: Uint8Array): string =>
  createHash('sha1').update(`blob ${bytes.length}\0`).update(bytes).digest('hex');

/** The text git stores in place of a large file. */
export const lfsPointer = (sha256: string, size: number): string =>
  `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${size}\n`;

/** Content-addressed files below one folder. */
export class ObjectStore {
  constructor(readonly root: string) {}

  /** Where an object lies or would lie. */
  path(kind: ObjectKind, oid: string): string {
    return join(this.root, kind, oid.slice(0, 2), oid.slice(2));
  }

  /** Size of a stored object, or undefined. */
  async size(kind: ObjectKind, oid: string): Promise<number | undefined> {
    const stats = await stat(this.path(kind, oid)).catch(() => undefined);
    return stats?.size;
  }

  /** The bytes of a stored object. */
  read(kind: ObjectKind, oid: string): Promise<Buffer> {
    return readFile(this.path(kind, oid));
  }

  /**
   * Streams bytes in and files them under their hash.
   * Nothing is kept, and undefined comes back, when length or hash differ from what was announced.
   */
  async add(
    kind: ObjectKind,
    source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    expected: { readonly size: number; readonly oid?: string },
  ): Promise<string | undefined> {
    const temporary = join(this.root, 'incoming', randomUUID());
    await mkdir(dirname(temporary), { recursive: true });
    try {
      const oid = await writeHashed(temporary, hasherOf(kind, expected.size), source, expected.size);
      if (oid === undefined || (expected.oid ?? oid) !== oid) return undefined;
      await mkdir(dirname(this.path(kind, oid)), { recursive: true });
      await rename(temporary, this.path(kind, oid));
      return oid;
    } finally {
      await rm(temporary, { force: true });
    }
  }

  /** Files a copy of a file on disk, read once. */
  async addFile(kind: ObjectKind, path: string, size: number): Promise<string> {
    const oid = await this.add(kind, createReadStream(path), { size });
    if (oid === undefined) throw new Error(`internal: ${path} changed while it was read`);
    return oid;
  }
}

/** Git's object hash needs the length before the bytes. */
const hasherOf = (kind: ObjectKind, size: number): Hash =>
  kind === 'git' ? createHash('sha1').update(`blob ${size}\0`) : createHash('sha256');

/** Writes and hashes in one pass; undefined when the source has another length than `size`. */
export async function writeHashed(
  path: string,
  hash: Hash,
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  size: number,
): Promise<string | undefined> {
  const file = await open(path, 'wx');
  let written = 0;
  try {
    for await (const chunk of source) {
      written += chunk.length;
      if (written > size) return undefined;
      hash.update(chunk);
      await file.writeFile(chunk);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  return written === size ? hash.digest('hex') : undefined;
}
