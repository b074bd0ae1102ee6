import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, readFile, rename, rm, stat, symlink } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic } from './atomic.js';
import type { RepoId } from './repo.js';

/** One file of a repository at a commit; `hash` is the sha256 of a large file, else git's blob sha1. */
export const RemoteFile = z.object({
  path: z.string(),
  size: z.int().nonnegative(),
  hash: z.union([z.string().regex(/^[0-9a-f]{40}$/), z.string().regex(/^[0-9a-f]{64}$/)]),
});

/** See the schema of the same name. */
export type RemoteFile = z.infer<typeof RemoteFile>;

/**
 * A repository's folder in the cache that the Hub's clients share: `blobs/<hash>`, `snapshots/<commit>/<path>` as
 * links to them, `refs/<revision>`. `listings/<commit>.json` is our own: it tells whether a snapshot is whole.
 */
export class RepoCache {
  readonly folder: string;

  constructor(cacheDir: string, repo: RepoId) {
    this.folder = join(cacheDir, [`${repo.type}s`, ...repo.name.split('/')].join('--'));
  }

  /** Folder of a commit's files. */
  snapshot(commit: string): string {
    return join(this.folder, 'snapshots', commit);
  }

  /** Where a file's bytes lie. */
  blob(file: RemoteFile): string {
    return join(this.folder, 'blobs', file.hash);
  }

  /** The commit a revision stood for when it was last fetched whole. */
  async commitOf(revision: string): Promise<string | undefined> {
    if (isCommit(revision)) return revision;
    const text = await readFile(join(this.folder, 'refs', revision), 'utf8').catch(() => '');
    return isCommit(text.trim()) ? text.trim() : undefined;
  }

  /** Notes what a revision stands for. */
  async saveRef(revision: string, commit: string): Promise<void> {
    if (!isCommit(revision)) await writeFileAtomic(join(this.folder, 'refs', revision), commit);
  }

  /** All files of a commit, if they were listed before. */
  async listing(commit: string): Promise<readonly RemoteFile[] | undefined> {
    const text = await readFile(this.#listingPath(commit), 'utf8').catch(() => undefined);
    if (text === undefined) return undefined;
    try {
      return z.array(RemoteFile).parse(JSON.parse(text));
    } catch {
      return undefined; // of another version: list again
    }
  }

  /** Keeps a commit's list of files; commits never change. */
  async saveListing(commit: string, files: readonly RemoteFile[]): Promise<void> {
    await writeFileAtomic(this.#listingPath(commit), JSON.stringify(files));
  }

  /** Whether a file of a snapshot is there in its full size. */
  async has(commit: string, file: RemoteFile): Promise<boolean> {
    return hasSize(join(this.snapshot(commit), file.path), file.size);
  }

  /** Whether a file's bytes are there in their full size. */
  async hasBlob(file: RemoteFile): Promise<boolean> {
    return hasSize(this.blob(file), file.size);
  }

  /**
   * Puts a file whose bytes are there into a snapshot: a relative link, or a copy where links are not allowed. It takes
   * its place in one move, so that another process that reads the snapshot never finds it missing.
   */
  async link(commit: string, file: RemoteFile): Promise<void> {
    const pointer = join(this.snapshot(commit), file.path);
    await mkdir(dirname(pointer), { recursive: true });
    const temporary = `${pointer}.${randomUUID()}.incomplete`;
    try {
      const target = relative(dirname(pointer), this.blob(file));
      await symlink(target, temporary).catch(() => copyFile(this.blob(file), temporary));
      await rename(temporary, pointer);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  #listingPath(commit: string): string {
    return join(this.folder, 'listings', `${commit}.json`);
  }
}

/** Whether a revision is a full commit id. */
export const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/.test(revision);

async function hasSize(path: string, size: number): Promise<boolean> {
  const stats = await stat(path).catch(() => undefined);
  return stats?.isFile() === true && stats.size === size;
}
