import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from './atomic.js';
import { type ObjectStore, writeHashed } from './objects.js';

const folderOf = (objects: ObjectStore, oid: string): string => join(objects.root, 'parts', oid);

/** Stores one part of an object and returns its tag; undefined when it has another length than `size`. */
export async function savePart(
  objects: ObjectStore,
  oid: string,
  number: number,
  source: AsyncIterable<Uint8Array>,
  size: number,
): Promise<string | undefined> {
  const folder = folderOf(objects, oid);
  await mkdir(folder, { recursive: true });
  const temporary = join(folder, `${randomUUID()}.tmp`);
  try {
    const etag = await writeHashed(temporary, createHash('md5'), source, size);
    if (etag === undefined) return undefined;
    await rename(temporary, join(folder, String(number)));
    await writeFileAtomic(join(folder, `${number}.etag`), etag);
    return etag;
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Files the object its parts make; false when a part is missing or length, tags or hash are not the announced ones. */
export async function joinParts(
  objects: ObjectStore,
  oid: string,
  size: number,
  tags: readonly string[],
): Promise<boolean> {
  const folder = folderOf(objects, oid);
  for (const [index, tag] of tags.entries()) {
    const stored = await readFile(join(folder, `${index + 1}.etag`), 'utf8').catch(() => undefined);
    if (stored !== tag) return false;
  }
  async function* bytes(): AsyncIterable<Uint8Array> {
    for (const index of tags.keys()) yield* createReadStream(join(folder, String(index + 1)));
  }
  const isStored = (await objects.add('lfs', bytes(), { size, oid })) === oid;
  // Wrong bytes would stay wrong; the next attempt starts over.
  await rm(folder, { recursive: true, force: true });
  return isStored;
}
