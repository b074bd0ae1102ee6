import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { Fault } from './fault.js';

const LIFETIME_MS = 3_600_000;

/** Makes and checks addresses that work without a token for an hour, as the Hub's storage addresses do. */
export interface Signer {
  /** Path and query with `expires` and `signature` added. */
  sign(method: string, path: string, query: Readonly<Record<string, string>>): string;
  /** Throws 403 unless the address was signed here for this method and has not expired. */
  check(method: string, url: URL): void;
}

/** A signer whose key lives as long as the server. */
export function createSigner(): Signer {
  const key = randomBytes(32);
  const signature = (method: string, path: string, query: URLSearchParams): string =>
    createHmac('sha256', key).update(`${method} ${path}?${query}`).digest('hex');
  return {
    sign(method, path, query) {
      const search = new URLSearchParams({ ...query, expires: String(Date.now() + LIFETIME_MS) });
      return `${path}?${search}&signature=${signature(method, path, search)}`;
    },
    check(method, url) {
      const search = new URLSearchParams(url.searchParams);
      const given = Buffer.from(search.get('signature') ?? '');
      search.delete('signature');
      const expected = Buffer.from(signature(method === 'HEAD' ? 'GET' : method, url.pathname, search));
      const valid = given.length === expected.length && timingSafeEqual(given, expected);
      if (!valid || Number(search.get('expires')) < Date.now()) throw new Fault(403, 'Address is not valid');
    },
  };
}
