import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { HubError } from './errors.js';

/** Kinds of repositories this project reads and writes. */
export type RepoType = 'model' | 'dataset';

/** A repository by type and `namespace/name`. */
export interface RepoId {
  readonly type: RepoType;
  readonly name: string;
}

/** Checks a repository's name: one or two parts of `A-Z a-z 0-9 . _ -`, as the Hub has them. */
export function repoId(type: RepoType, name: string): RepoId {
  const parts = name.split('/');
  const isPart = (part: string): boolean =>
    /^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?$/.test(part) && !/--|\.\.|\.git$/.test(part);
  if (parts.length > 2 || !parts.every(isPart)) {
    throw new HubError('input', `${type} '${name.slice(0, 200)}': expected ORG/NAME or a folder that exists`);
  }
  return { type, name };
}

/** How messages name a repository. */
export const titleOf = ({ type, name }: RepoId): string => (type === 'model' ? `model ${name}` : `data set ${name}`);

/** Address of a repository's page, below which its files are. */
export const pageOf = (endpoint: string, { type, name }: RepoId): string =>
  `${endpoint}/${type === 'model' ? '' : 'datasets/'}${name}`;

/** The folder an id names on this machine, or undefined where it is a Hub id; throws for a path that leads nowhere. */
export async function localFolder(id: string): Promise<string | undefined> {
  const stats = await stat(id).catch(() => undefined);
  if (stats?.isDirectory()) return resolve(id);
  if (/^(?:[./~\\]|[A-Za-z]:)/.test(id)) throw new HubError('input', `${id}: expected a folder, found none`);
  return undefined;
}
