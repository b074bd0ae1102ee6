import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { writeFileAtomic } from '@neuroprune/models';

/** Writes a text file whole or not at all; missing folders are made. */
export const writeText = (file: string, text: string): Promise<void> => writeFileAtomic(file, [text]);

/** Writes a JSON file, indented, whole or not at all. */
export const writeJson = (file: string, value: unknown): Promise<void> =>
  writeText(file, `${JSON.stringify(value, null, 2)}\n`);

/** Names that files have while they are written. */
const draft = /\.[0-9a-f]{12}\.tmp$/;

/** Removes what a process left below a folder that was killed while it wrote. */
export async function removeDrafts(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const left = entries.filter((entry) => entry.isFile() && draft.test(entry.name));
  for (const { parentPath, name } of left) await rm(path.join(parentPath, name), { force: true });
}

/** A file by its name, its size and its SHA-256. */
export interface FileHash {
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Sizes and hashes of files, under their bare names. */
export async function hashFiles(files: readonly string[]): Promise<FileHash[]> {
  const hashes: FileHash[] = [];
  for (const file of files) {
    const hash = createHash('sha256');
    await pipeline(createReadStream(file), hash);
    hashes.push({ path: path.basename(file), bytes: (await stat(file)).size, sha256: hash.digest('hex') });
  }
  return hashes;
}
