import { extname } from 'node:path';
import { noEntry } from '../http/fault.js';
import { parseRange } from '../http/range.js';
import type { Reply } from '../http/reply.js';
import type { RepoCall } from '../http/router.js';
import type { Commit, FileEntry } from '../store/commit.js';
import { lfsPointer } from '../store/objects.js';
import { fileAt } from '../store/tree.js';
import { splitRevision } from './revision.js';

/** `GET {repo}/resolve/{revision}/{path}`: a small file itself, a redirect to the second port for a large one. */
export async function resolve(call: RepoCall): Promise<Reply> {
  const { commit, file } = await find(call);
  return file.lfs ? redirect(call, commit, file, file.lfs) : small(call, commit, file);
}

/** `GET {repo}/raw/{revision}/{path}`: the git blob, for a large file its pointer. */
export async function raw(call: RepoCall): Promise<Reply> {
  const { commit, file } = await find(call);
  if (!file.lfs) return small(call, commit, file);
  const headers = { ETag: `"${file.oid}"`, 'X-Repo-Commit': commit.id, 'Content-Type': 'text/plain; charset=utf-8' };
  return { status: 200, headers, body: lfsPointer(file.lfs, file.size) };
}

async function find(call: RepoCall): Promise<{ commit: Commit; file: FileEntry }> {
  const { commit, path } = await splitRevision(call, call.params.rest ?? '');
  const file = fileAt(commit, path);
  if (!file) throw noEntry(path, commit.id);
  return { commit, file };
}

const contentTypes: Readonly<Record<string, string>> = {
  '.json': 'application/json; charset=utf-8',
  '.md': 'text/plain; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.yaml': 'text/plain; charset=utf-8',
};

/** A file's bytes or the asked-for range of them. */
export function fileReply(
  path: string,
  size: number,
  range: string | undefined,
  headers: Readonly<Record<string, string>>,
): Reply {
  const part = parseRange(range, size);
  const common = { 'Accept-Ranges': 'bytes', ...headers };
  if (!part) return { status: 200, headers: common, file: { path, range: { start: 0, end: size } } };
  const contentRange = `bytes ${part.start}-${part.end - 1}/${size}`;
  return { status: 206, headers: { ...common, 'Content-Range': contentRange }, file: { path, range: part } };
}

function small({ hub, request }: RepoCall, commit: Commit, file: FileEntry): Reply {
  return fileReply(hub.store.objects.path('git', file.oid), file.size, request.headers.range, {
    ETag: `"${file.oid}"`,
    'X-Repo-Commit': commit.id,
    'Content-Type': contentTypes[extname(file.path)] ?? 'application/octet-stream',
    'Content-Disposition': disposition(file.path),
  });
}

function redirect({ hub, blobs }: RepoCall, commit: Commit, file: FileEntry, sha256: string): Reply {
  const location = `${blobs}${hub.signer.sign('GET', `/blobs/${sha256}`, { disposition: disposition(file.path) })}`;
  return {
    status: 302,
    headers: {
      Location: location,
      'X-Repo-Commit': commit.id,
      'X-Linked-Etag': `"${sha256}"`,
      'X-Linked-Size': String(file.size),
      'Accept-Ranges': 'bytes',
      'Cache-Control': 'no-store',
    },
  };
}

function disposition(path: string): string {
  const name = path.slice(path.lastIndexOf('/') + 1);
  const escaped = encodeURIComponent(name).replace(/['()*]/g, (char) => `%${char.charCodeAt(0).toString(16)}`);
  return `inline; filename*=UTF-8''${escaped}; filename="${name.replace(/["\\]|[^\x20-\x7e]/g, '_')}";`;
}
