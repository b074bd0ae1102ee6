import { badRequest } from './http/fault.js';

/** Kinds of repositories; their plural is the word in addresses. */
export type RepoType = 'model' | 'dataset' | 'space';

const types: Readonly<Record<string, RepoType>> = { models: 'model', datasets: 'dataset', spaces: 'space' };

/** The type behind the plural in an address; models have none in file addresses. */
export const typeOfPlural = (plural: string | undefined): RepoType => types[plural ?? 'models'] ?? 'model';

/** A `type` field of a request, a model where it is left out. */
export function parseType(value: unknown): RepoType {
  const type = value ?? 'model';
  if (type === 'model' || type === 'dataset' || type === 'space') return type;
  throw badRequest('Invalid repo type');
}

/** Whether a namespace or repository name is one the Hub accepts: 1 to 96 of `A-Z a-z 0-9 . _ -`. */
export function isName(name: string): boolean {
  if (!/^[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?$/.test(name)) return false;
  return !name.includes('--') && !name.includes('..') && !/\.(git|ipynb)$/i.test(name);
}

/** `ns/name`, or 400 when one of the two is no valid name. */
export function repoId(ns: string, name: string): string {
  for (const part of [ns, name]) {
    if (!isName(part)) throw badRequest(`Invalid repository name: ${part}`);
  }
  return `${ns}/${name}`;
}

/** The path of a file in a repository, or 400 for one that could leave a folder or hide in one. */
export function safePath(path: unknown): string {
  if (typeof path !== 'string' || path.length === 0 || path.length > 1024) throw badRequest('Invalid path');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (/[\x00-\x1f\x7f\\]/.test(path) || /^[A-Za-z]:/.test(path)) throw badRequest(`Invalid path: ${path}`);
  for (const part of path.split('/')) {
    if (part === '' || part === '.' || part === '..' || part.toLowerCase() === '.git') {
      throw badRequest(`Invalid path: ${path}`);
    }
  }
  return path;
}

/** Name of a branch or tag, or 400 (the rules of git-check-ref-format that matter here). */
export function refName(name: string): string {
  const parts = name.split('/');
  const bad = parts.some((part) => part === '' || part.startsWith('.') || part.endsWith('.lock'));
  if (bad || name.includes('..') || !/^[\w./+@-]{1,200}$/.test(name) || /^(HEAD|[0-9a-f]{40})$/.test(name)) {
    throw badRequest(`Invalid reference name: ${name}`);
  }
  return name;
}
