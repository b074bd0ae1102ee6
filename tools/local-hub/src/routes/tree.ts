import { listField, readFields } from '../http/body.js';
import { noEntry } from '../http/fault.js';
import { page } from '../http/page.js';
import { json, type Reply } from '../http/reply.js';
import type { RepoCall } from '../http/router.js';
import type { Commit, FileEntry } from '../store/commit.js';
import { lfsPointer } from '../store/objects.js';
import { type FolderEntry, foldersOf, parentOf } from '../store/tree.js';
import { demandCommit, splitRevision } from './revision.js';

/** `GET {api}/tree/{revision}/{path}`: files and folders, with all below them when `recursive`. */
export async function tree(call: RepoCall): Promise<Reply> {
  const { commit, path } = await splitRevision(call, call.params.rest ?? '');
  const query = call.url.searchParams;
  const all = entries(commit);
  const isFolder = path === '' || all.some((entry) => entry.path === path && entry.type === 'directory');
  if (!isFolder) throw noEntry(path, commit.id);
  const below = all.filter((entry) =>
    query.get('recursive') === 'true'
      ? entry.path.startsWith(path === '' ? '' : `${path}/`)
      : parentOf(entry.path) === path,
  );
  const { items, headers } = page(call.url, below);
  const shown = query.get('expand') === 'true' ? await expand(call, commit, items) : items.map(plain);
  return json(shown, 200, { 'X-Repo-Commit': commit.id, ...headers });
}

/** `POST {api}/paths-info/{revision}`: the same entries for given paths; those that do not exist are left out. */
export async function pathsInfo(call: RepoCall): Promise<Reply> {
  const commit = await demandCommit(call, call.params.revision ?? '');
  const body = await readFields(call.request);
  const wanted = new Set(listField(body, 'paths').map((path) => String(path).replace(/^\/+|\/+$/g, '')));
  const found = entries(commit).filter((entry) => wanted.has(entry.path));
  const isExpanded = [body.expand].flat().some((value) => value === true || value === 'true');
  return json(isExpanded ? await expand(call, commit, found) : found.map(plain));
}

type Entry = { readonly path: string } & (
  | { readonly type: 'file'; readonly file: FileEntry }
  | { readonly type: 'directory'; readonly folder: FolderEntry }
);

/** Folders before files, each sorted by path. */
function entries(commit: Commit): Entry[] {
  const folders = foldersOf(commit).filter(({ path }) => path !== '');
  return [
    ...folders.map((folder) => ({ type: 'directory' as const, path: folder.path, folder })),
    ...commit.files.map((file) => ({ type: 'file' as const, path: file.path, file })),
  ];
}

function plain(entry: Entry): Record<string, unknown> {
  if (entry.type === 'directory') return { type: 'directory', oid: entry.folder.oid, size: 0, path: entry.path };
  const { oid, size, lfs } = entry.file;
  const pointer = lfs && { lfs: { oid: lfs, size, pointerSize: lfsPointer(lfs, size).length } };
  return { type: 'file', oid, size, path: entry.path, ...pointer };
}

async function expand({ hub, repo }: RepoCall, head: Commit, shown: readonly Entry[]): Promise<unknown[]> {
  const known = new Map([[head.id, head]]);
  const commitOf = async (id: string): Promise<Commit> => {
    const commit = known.get(id) ?? (await hub.store.commit(repo, id)) ?? head;
    known.set(id, commit);
    return commit;
  };
  const result: unknown[] = [];
  for (const entry of shown) {
    const { id, title, date } = await commitOf(entry.type === 'file' ? (entry.file.since ?? head.id) : head.id);
    const securityFileStatus = { status: 'safe', avScan: null, pickleImportScan: null };
    result.push({ ...plain(entry), lastCommit: { id, title, date }, securityFileStatus });
  }
  return result;
}
