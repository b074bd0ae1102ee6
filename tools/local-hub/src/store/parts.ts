import { createHash, randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { writeFileAtomic } from './atomic.js';
import type { ObjectStore } from './objects.js';

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
    const etag = await writePart(temporary, source, size);
    if (etag === undefined) return undefined;
    await rename(temporary, join(folder, String(number)));
    await writeFileAtomic(join(folder, `${number}.etag`), etag);
    return etag;
  } finally {
    await rm(temporary, { force: true });
  }
}

async function writePart(path: string, source: AsyncIterable<Uint8Array>, size: number): Promise<string | undefined> {
  const hash = createHash('md5');
  const file = await open(path, 'wx');
  let written = 0;
  try {
    for await (const chunk of source) {
      written += chunk.length;
      if (written > size) return undefined;
      hash.update(chunk);
      await file.writeFile(chunk);
    }
  } finally {
    await file.close();
  }
  return written === size ? hash.digest('hex') : undefined;
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
