import { HubError } from './errors.js';

/** Throws unless a path from the Hub stays in its folder on every operating system. */
export function checkPath(path: string, where: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  const isPlain = path.length > 0 && path.length <= 1024 && !/[\x00-\x1f\\]/.test(path);
  const isInside = path
    .split('/')
    .every((part) => part !== '' && part !== '.' && part !== '..' && !/^[A-Za-z]:/.test(part));
  if (isPlain && isInside) return path;
  throw new HubError('input', `${where}: expected file names that stay in the repository, got ${JSON.stringify(path)}`);
}

/** A path as it stands in an address: each part escaped, slashes kept. */
export const escapePath = (path: string): string => path.split('/').map(encodeURIComponent).join('/');
