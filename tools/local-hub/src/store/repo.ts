import type { RepoType } from '../names.js';

/** A repository's facts and references, as stored in its `repo.json`. */
export interface Repo {
  readonly type: RepoType;
  readonly id: string; // namespace/name
  readonly private: boolean;
  readonly createdAt: string; // ISO 8601
  readonly refs: Readonly<Record<string, string>>; // refs/heads/…, refs/tags/…, refs/pr/N → commit
}

/** Full name of the default branch. */
export const MAIN = 'refs/heads/main';

/** Namespace of a repository. */
export const namespaceOf = (repo: Repo): string => repo.id.split('/')[0] ?? '';

/** Address of a repository below the server's origin. */
export const webPath = (repo: Pick<Repo, 'type' | 'id'>): string =>
  repo.type === 'model' ? `/${repo.id}` : `/${repo.type}s/${repo.id}`;

/** The reference a revision names: a full name, a branch or a tag; undefined for none of them. */
export function findRef(repo: Repo, revision: string): string | undefined {
  const name = revision === 'HEAD' ? 'main' : revision;
  return [name, `refs/heads/${name}`, `refs/tags/${name}`].find((ref) => Object.hasOwn(repo.refs, ref));
}
