import { createHash } from 'node:crypto';
import type { Commit, FileEntry } from './commit.js';

/** A folder of a commit; its oid is git's tree hash. */
export interface FolderEntry {
  readonly path: string;
  readonly oid: string;
}

/** Parent folder of a path, '' for the root. */
export const parentOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));

/** All folders of a commit, the root (path '') included, sorted by path. */
export function foldersOf(commit: Commit): FolderEntry[] {
  const children = new Map<string, string[][]>([['', []]]);
  for (const file of commit.files) addChild(children, file.path, '100644', file.oid);
  // Longer paths first, so that a folder's children have their hashes before it gets its own.
  const pending = [...children.keys()].sort((a, b) => b.split('/').length - a.split('/').length || (a < b ? 1 : -1));
  const folders = pending.filter((path) => path !== '').map((path) => finish(children, path));
  return [...folders, { path: '', oid: treeOid(children.get('') ?? []) }].sort((a, b) => (a.path < b.path ? -1 : 1));
}

function finish(children: Map<string, string[][]>, path: string): FolderEntry {
  const oid = treeOid(children.get(path) ?? []);
  children.get(parentOf(path))?.push(['40000', path.slice(parentOf(path).length).replace('/', ''), oid]);
  return { path, oid };
}

function addChild(children: Map<string, string[][]>, path: string, mode: string, oid: string): void {
  const parent = parentOf(path);
  for (let folder = parent; folder !== '' && !children.has(folder); folder = parentOf(folder)) children.set(folder, []);
  children.get(parent)?.push([mode, path.slice(parent === '' ? 0 : parent.length + 1), oid]);
}

/** `sha1("tree " + length + "\0" + entries)`; git sorts folders as if their names ended in `/`. */
function treeOid(entries: readonly string[][]): string {
  const key = ([mode, name]: readonly string[]): string => (mode === '40000' ? `${name}/` : `${name}`);
  const sorted = [...entries].sort((a, b) => (key(a) < key(b) ? -1 : 1));
  const body = Buffer.concat(
    sorted.map(([mode, name, oid]) => Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(oid ?? '', 'hex')])),
  );
  return createHash('sha1').update(`tree ${body.length}\0`).update(body).digest('hex');
}

/** The file at a path, or undefined. */
export const fileAt = (commit: Commit, path: string): FileEntry | undefined =>
  commit.files.find((file) => file.path === path);
