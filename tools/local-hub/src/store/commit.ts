import { createHash } from 'node:crypto';

/** One file of a commit. */
export interface FileEntry {
  readonly path: string;
  readonly oid: string; // git blob sha1; of the pointer for large files
  readonly size: number; // bytes of the file itself
  readonly lfs?: string; // sha256 of a large file
  readonly since?: string; // commit that last changed it; absent: the commit it stands in
}

/** A commit with its whole list of files, sorted by path. */
export interface Commit {
  readonly id: string;
  readonly parent: string | null;
  readonly title: string;
  readonly message: string;
  readonly author: string;
  readonly date: string; // ISO 8601
  readonly files: readonly FileEntry[];
}

/** Completes a commit with its id, the hash of all it says. */
export function sealCommit(commit: Omit<Commit, 'id'>): Commit {
  const files = [...commit.files].sort((a, b) => (a.path < b.path ? -1 : 1));
  const content = { ...commit, files };
  return { id: createHash('sha1').update(JSON.stringify(content)).digest('hex'), ...content };
}

/** The entries a child of `parent` starts from, keyed by path. */
export function inheritedFiles(parent: Commit): Map<string, FileEntry> {
  return new Map(parent.files.map((file) => [file.path, { ...file, since: file.since ?? parent.id }]));
}
