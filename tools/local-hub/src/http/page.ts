import { badRequest } from './fault.js';

/** One page of a list and the headers that lead to the next. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly headers: Readonly<Record<string, string>>;
}

const MAX = 1000;

/** Cuts the page that `limit` and `cursor` (or a page number `p`) ask for; clients find the next one in `Link`. */
export function page<T>(url: URL, items: readonly T[]): Page<T> {
  const limit = Math.min(count(url, 'limit') ?? MAX, MAX) || MAX;
  const start = count(url, 'cursor') ?? (count(url, 'p') ?? 0) * limit;
  if (start + limit >= items.length) return { items: items.slice(start), headers: {} };
  const next = new URL(url);
  next.searchParams.delete('p');
  next.searchParams.set('cursor', String(start + limit));
  // One space before rel, or the npm client does not see it.
  return { items: items.slice(start, start + limit), headers: { Link: `<${next}>; rel="next"` } };
}

function count(url: URL, name: string): number | undefined {
  const text = url.searchParams.get(name);
  if (text === null) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw badRequest(`"${name}" must be a number`);
  return Number(text);
}
