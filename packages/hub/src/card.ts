import { parse, stringify } from 'yaml';
import { HubError } from './errors.js';

/** A card taken apart: the YAML between the `---` lines, and the Markdown after it. */
export interface Card {
  readonly frontMatter: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** Reads a `README.md`; one without front matter is all body. Throws `HubError` of kind `input` for broken YAML. */
export function readCard(text: string, where = 'README.md'): Card {
  const match = /^---[ \t]*\r?\n(?:(.*?)\r?\n)??---[ \t]*(?:\r?\n|$)/s.exec(text);
  if (!match) return { frontMatter: {}, body: text };
  let value: unknown;
  try {
    value = parse(match[1] ?? '', { maxAliasCount: 100 });
  } catch (cause) {
    const line = String((cause as Error).message).split('\n')[0];
    throw new HubError('input', `${where}: expected YAML between the --- lines (${line})`, { cause });
  }
  const isMap = typeof value === 'object' && value !== null && !Array.isArray(value);
  return { frontMatter: isMap ? (value as Card['frontMatter']) : {}, body: text.slice(match[0].length) };
}

/** Writes a card: fields that are undefined are left out, long lines stay whole. */
export function writeCard({ frontMatter, body }: Card): string {
  const yaml = stringify(defined(frontMatter), { lineWidth: 0, aliasDuplicateObjects: false });
  return `---\n${yaml}---\n\n${body.replace(/^\n+/, '')}`;
}

/** JSON's view of a value: no undefined fields, and no object twice by reference. */
const defined = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
