import { noRevision } from '../http/fault.js';
import type { RepoCall } from '../http/router.js';
import type { Commit } from '../store/commit.js';

/** The commit a revision names, or 404. */
export async function demandCommit({ hub, repo }: RepoCall, revision: string): Promise<Commit> {
  const commit = await hub.store.resolve(repo, revision);
  if (!commit) throw noRevision(revision);
  return commit;
}

/**
 * Takes `revision/path` apart. Branch names may hold slashes, and some clients do not escape them,
 * so the longest beginning that names a revision wins.
 */
export async function splitRevision(call: RepoCall, rest: string): Promise<{ commit: Commit; path: string }> {
  const parts = rest.split('/');
  for (let length = parts.length; length > 0; length--) {
    const commit = await call.hub.store.resolve(call.repo, parts.slice(0, length).join('/'));
    if (commit) return { commit, path: parts.slice(length).join('/').replace(/\/$/, '') };
  }
  throw noRevision(parts[0] ?? '');
}
