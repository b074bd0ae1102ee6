import { z } from 'zod';
import type { Card } from './card.js';
import { HubError } from './errors.js';
import { matches } from './glob.js';
import { findSplit, namedSplits } from './split-names.js';
import { endingOf, tableEndings } from './table/read-table.js';

const Paths = z.union([z.string().transform((path) => [path]), z.array(z.string())]);

const DataFiles = z.union([
  z.array(z.object({ split: z.string(), path: Paths })),
  Paths.transform((path) => [{ split: 'train', path }]),
]);

const Configs = z.array(
  z.object({ config_name: z.string(), data_files: DataFiles.optional(), default: z.boolean().optional() }),
);

/** A configuration of a data set as its card declares it. */
type Config = z.infer<typeof Configs>[number];

/** The declared configurations; a card without any, or with others than these forms, declares none. */
export function configsOf(card: Card): readonly Config[] {
  const parsed = Configs.safeParse(card.frontMatter.configs);
  return parsed.success ? parsed.data : [];
}

/** The configuration used where none is named: the one marked, the only one, or `default`. */
const defaultConfig = (configs: readonly Config[]): string =>
  (configs.find((config) => config.default) ?? (configs.length === 1 ? configs[0] : undefined))?.config_name ??
  'default';

/** Which configuration of which data set. */
export interface ConfigName {
  readonly title: string; // 'data set org/name'
  readonly config: string | undefined;
}

/** Which split of it. */
export interface SplitName extends ConfigName {
  readonly split: string;
}

/** A split's files in order, by the name of the split. */
export type SplitFiles = ReadonlyMap<string, readonly string[]>;

/**
 * All splits of a configuration: by the card's `configs`, else by the names of files and folders (`train.csv`,
 * `data/train-00000-of-00002.parquet`, `train/part.jsonl`, `<config>/train.parquet`). Files whose names say nothing are
 * `train`. Throws `HubError` of kind `input` for a configuration that is not there, and for a split in two formats.
 */
export function splitsOf(card: Card, files: readonly string[], name: ConfigName): SplitFiles {
  const configs = configsOf(card);
  const config = name.config ?? defaultConfig(configs);
  const tables = files.filter((file) => endingOf(file) !== undefined);
  const declared = configs.find((one) => one.config_name === config)?.data_files ?? [];
  const splits = new Map<string, string[]>();
  for (const { split, path } of declared) {
    const fitting = files.filter((file) => matches(file, path)).sort();
    const other = fitting.find((file) => endingOf(file) === undefined);
    if (other) throw unknownFormat(other, name);
    if (fitting.length > 0) splits.set(split, [...new Set([...(splits.get(split) ?? []), ...fitting])]);
  }
  const found = splits.size > 0 ? splits : namedSplits(tables, config, name);
  if (found.size === 0 && tables.length === 0 && files.some(isScript)) throw scriptAlone(name);
  if (found.size === 0) throw unknownConfig(configs, config, tables, name);
  for (const [split, paths] of found) checkFormats(paths, split, name);
  return found;
}

/**
 * The files of a split, in order; `train`, `validation` and `test` go by their usual other names too (`dev`, `val`).
 * Throws `HubError` of kind `input`, naming what there is, when no file fits or one of a numbered set is missing.
 */
export function splitFiles(card: Card, files: readonly string[], name: SplitName): string[] {
  const splits = splitsOf(card, files, name);
  const split = findSplit([...splits.keys()], name.split);
  if (split === undefined) {
    throw new HubError(
      'input',
      `${name.title}: no files for the split '${name.split}'; it has splits: ${[...splits.keys()].join(', ')}`,
    );
  }
  const found = [...(splits.get(split) ?? [])];
  checkNumbers(found, name);
  return found;
}

const unknownFormat = (file: string, { title }: ConfigName): HubError =>
  new HubError('input', `${title}: expected files named ${tableEndings.map((e) => `.${e}`).join(', ')}, got ${file}`);

const isScript = (file: string): boolean => /^[^/]+\.py$/.test(file);

/** The Hub keeps a branch with the rows of data sets that come as programs. */
const scriptAlone = ({ title }: ConfigName): HubError =>
  new HubError(
    'input',
    `${title}: expected data files, got a loading script, which is not run; read the Hub's own conversion: --dataset-revision refs/convert/parquet`,
  );

function unknownConfig(
  configs: readonly Config[],
  config: string,
  tables: readonly string[],
  { title }: ConfigName,
): HubError {
  const folders = [...new Set(tables.filter((file) => file.includes('/')).map((file) => file.split('/')[0] ?? ''))];
  const known = configs.length > 0 ? configs.map((one) => one.config_name) : folders.sort();
  return new HubError(
    'input',
    `${title}: no data files for the configuration '${config}'; it has configurations: ${known.join(', ') || 'none'}`,
  );
}

/** Two formats of one split are most likely the same rows twice. */
function checkFormats(files: readonly string[], split: string, { title }: ConfigName): void {
  const endings = [...new Set(files.map(endingOf))];
  if (endings.length <= 1) return;
  throw new HubError(
    'input',
    `${title}: expected one format for the split '${split}', got ${files.slice(0, 4).join(', ')}; remove one, or declare the files under configs in README.md`,
  );
}

const shard = new RegExp(`-\\d{5}-of-(\\d{5})\\.(${tableEndings.join('|').replaceAll('.', '\\.')})$`);

/** `x-00000-of-00003.parquet` promises three files. */
function checkNumbers(files: readonly string[], { title }: ConfigName): void {
  for (const file of files) {
    const total = shard.exec(file)?.[1];
    const stem = file.replace(shard, '');
    const present = files.filter((other) => other.replace(shard, '') === stem && shard.exec(other)?.[1] === total);
    if (total !== undefined && present.length !== Number(total)) {
      throw new HubError('input', `${title}: expected ${Number(total)} files like ${file}, got ${present.length}`);
    }
  }
}
