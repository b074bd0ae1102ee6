import { badRequest, noEntry } from '../http/fault.js';
import { type Commit, type FileEntry, inheritedFiles, sealCommit } from './commit.js';
import { gitOid, lfsPointer, type ObjectStore } from './objects.js';

/** One line of a commit request, its paths already checked. */
export type Operation =
  | { readonly kind: 'file'; readonly path: string; readonly content: Buffer }
  | { readonly kind: 'lfsFile'; readonly path: string; readonly oid: string; readonly size: number | undefined }
  | { readonly kind: 'deletedFile'; readonly path: string }
  | { readonly kind: 'deletedFolder'; readonly path: string };

/** Who commits, and with what words. */
export interface CommitFacts {
  readonly title: string;
  readonly message: string;
  readonly author: string;
}

/** The entry of a small file, whose bytes are stored. */
export async function storeFile(objects: ObjectStore, path: string, content: Buffer): Promise<FileEntry> {
  const oid = await objects.add('git', [content], { size: content.length });
  return { path, oid: oid ?? gitOid(content), size: content.length };
}

/** The entry of a large file that is stored already. */
export function lfsEntry(path: string, sha256: string, size: number): FileEntry {
  return { path, oid: gitOid(Buffer.from(lfsPointer(sha256, size))), size, lfs: sha256 };
}

/** The commit that follows `parent` when all operations are applied; any that cannot be throws, and nothing changes. */
export async function nextCommit(
  objects: ObjectStore,
  parent: Commit,
  operations: readonly Operation[],
  facts: CommitFacts,
): Promise<Commit> {
  const files = inheritedFiles(parent);
  for (const operation of operations) await apply(objects, files, operation, parent);
  refuseFileAsFolder(files);
  return sealCommit({ parent: parent.id, ...facts, date: new Date().toISOString(), files: [...files.values()] });
}

async function apply(
  objects: ObjectStore,
  files: Map<string, FileEntry>,
  operation: Operation,
  parent: Commit,
): Promise<void> {
  const { path } = operation;
  switch (operation.kind) {
    case 'file':
      put(files, await storeFile(objects, path, operation.content));
      return;
    case 'lfsFile':
      put(files, await uploaded(objects, operation));
      return;
    case 'deletedFile':
      if (!files.delete(path)) throw noEntry(path, parent.id, "A file with this name doesn't exist");
      return;
    case 'deletedFolder':
      for (const name of [...files.keys()]) if (name.startsWith(`${path}/`)) files.delete(name);
  }
}

/** Files equal to what was there keep the commit that last changed them. */
function put(files: Map<string, FileEntry>, entry: FileEntry): void {
  if (files.get(entry.path)?.oid !== entry.oid) files.set(entry.path, entry);
}

async function uploaded(objects: ObjectStore, file: Operation & { kind: 'lfsFile' }): Promise<FileEntry> {
  const size = await objects.size('lfs', file.oid);
  if (size === undefined || (file.size ?? size) !== size) {
    throw badRequest(
      'Your push was rejected because an LFS pointer pointed to a file that does not exist. ' +
        `Offending file: - ${file.path}`,
    );
  }
  return lfsEntry(file.path, file.oid, size);
}

function refuseFileAsFolder(files: ReadonlyMap<string, FileEntry>): void {
  for (const path of files.keys()) {
    for (let end = path.indexOf('/'); end !== -1; end = path.indexOf('/', end + 1)) {
      const folder = path.slice(0, end);
      if (files.has(folder)) throw badRequest(`Invalid path: ${folder} is a file and a folder (${path})`);
    }
  }
}
