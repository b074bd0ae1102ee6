import { HubError } from './errors.js';
import { endingOf } from './table/read-table.js';

/** Names under which the usual splits also go, as the Hub's clients read them. */
const aliases = {
  train: ['train', 'training'],
  validation: ['validation', 'valid', 'dev', 'val'],
  test: ['test', 'testing', 'eval', 'evaluation'],
} as const;

const usual = Object.entries(aliases);

/** The split that is meant by a name: itself, or another name of the same usual one; undefined where there is none. */
export function findSplit(splits: readonly string[], asked: string): string | undefined {
  if (splits.includes(asked)) return asked;
  const [, names = []] = usual.find(([split]) => split === asked) ?? [];
  return splits.find((split) => (names as readonly string[]).includes(split.toLowerCase()));
}

interface Title {
  readonly title: string;
}

/** Splits told from the names of files and folders; empty where the configuration has no files. */
export function namedSplits(all: readonly string[], config: string, { title }: Title): Map<string, string[]> {
  const tables = withoutNotes(all);
  const below = (folder: string): string[] => tables.filter((file) => file.startsWith(folder));
  if (config !== 'default') return grouped(below(`${config}/`), `${config}/`);
  const top = tables.filter((file) => !file.includes('/') || exactSplit(file.split('/')[0] ?? '') !== undefined);
  if (below('data/').length > 0) return grouped(below('data/'), 'data/');
  if (top.length > 0) return grouped(top, '');
  if (below('default/').length > 0) return grouped(below('default/'), 'default/');
  const folders = [...new Set(tables.map((file) => file.split('/')[0] ?? ''))].sort();
  if (folders.length <= 1) return grouped([...tables], `${folders[0]}/`);
  throw new HubError(
    'input',
    `${title}: several configurations and no default; it has configurations: ${folders.join(', ')}`,
  );
}

/** JSON files beside data in another format hold notes about it, unless their names say otherwise. */
function withoutNotes(tables: readonly string[]): readonly string[] {
  const isNote = (file: string): boolean => file.endsWith('.json') && !isUsual(splitOf(file));
  return tables.every(isNote) ? tables : tables.filter((file) => !isNote(file));
}

const isUsual = (split: string): boolean => exactSplit(split) !== undefined || looseSplit(split) !== undefined;

function grouped(files: readonly string[], folder: string): Map<string, string[]> {
  const splits = new Map<string, string[]>();
  for (const file of [...files].sort()) {
    const split = splitOf(file.slice(folder.length));
    splits.set(split, [...(splits.get(split) ?? []), file]);
  }
  // One name that says nothing is a set that was never divided; several are, as in the Hub's clients.
  const told = [...splits.keys()].some(isUsual);
  return told || files.length === 0 ? splits : new Map([['train', [...files].sort()]]);
}

/** `data/reviews-dev-00000-of-00002.csv.gz` → `validation`; a folder's name counts where the file's says nothing. */
function splitOf(path: string): string {
  const parts = path.split('/');
  const name = parts.pop() ?? '';
  const stem = name.slice(0, name.length - (endingOf(name)?.length ?? 0) - 1).replace(/-\d{5}-of-\d{5}$/, '');
  const exact = [stem, ...parts.reverse()].map(exactSplit).find((split) => split !== undefined);
  return exact ?? (/^(train|validation|test)_\w+$/.test(stem) ? stem : (looseSplit(stem) ?? stem));
}

/** The usual split whose name, or other name, this is. */
const exactSplit = (name: string): string | undefined =>
  usual.find(([, names]) => (names as readonly string[]).includes(name.toLowerCase()))?.[0];

/** The usual split whose name stands in this one as a word of its own. */
const looseSplit = (name: string): string | undefined =>
  name
    .split(/[^A-Za-z]+/)
    .map(exactSplit)
    .find((split) => split !== undefined);
