import { z } from 'zod';
import type { Card } from './card.js';
import { HubError } from './errors.js';
import { matches } from './glob.js';

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

/** Which split of which data set. */
export interface SplitName {
  readonly title: string; // 'data set org/name'
  readonly config: string | undefined;
  readonly split: string;
}

/**
 * The parquet files of a split, in order: by the card's `configs`, else by the usual names.
 * Throws `HubError` of kind `input`, naming what there is, when no file fits or one of a numbered set is missing.
 */
export function splitFiles(card: Card, files: readonly string[], name: SplitName): string[] {
  const configs = configsOf(card);
  const config = name.config ?? defaultConfig(configs);
  const declared = configs.find((one) => one.config_name === config)?.data_files ?? [];
  const candidates = [
    declared.filter((entry) => entry.split === name.split).flatMap((entry) => entry.path),
    ...usualNames(config, name),
  ];
  const found = candidates
    .filter((patterns) => patterns.length > 0)
    .map((patterns) => files.filter((file) => matches(file, patterns)).sort())
    .find((fitting) => fitting.length > 0);
  if (!found) throw unknownSplit(configs, config, files, name);
  const other = found.find((file) => !file.endsWith('.parquet'));
  if (other) throw new HubError('input', `${name.title}: expected parquet files, got ${other}; convert it to parquet`);
  checkNumbers(found, name);
  return found;
}

function usualNames(config: string, { split }: SplitName): string[][] {
  const below = (folder: string): string[] => [`${folder}${split}-?????-of-?????.parquet`, `${folder}${split}.parquet`];
  return config === 'default' ? [below('data/'), below(''), below('default/')] : [below(`${config}/`)];
}

function unknownSplit(configs: readonly Config[], config: string, files: readonly string[], name: SplitName): HubError {
  const data = files.filter((file) => file.endsWith('.parquet'));
  const folders = [...new Set(data.map((file) => file.split('/')[0] ?? ''))].sort();
  const known = configs.length > 0 ? configs.map((one) => one.config_name) : folders;
  const splits = configs.find((one) => one.config_name === config)?.data_files?.map((entry) => entry.split) ?? [];
  const what = splits.length > 0 ? `splits: ${splits.join(', ')}` : `configurations: ${known.join(', ') || 'none'}`;
  return new HubError(
    'input',
    `${name.title}: no parquet files for '${config}', split '${name.split}'; it has ${what}`,
  );
}

/** `x-00000-of-00003.parquet` promises three files. */
function checkNumbers(files: readonly string[], { title }: SplitName): void {
  for (const file of files) {
    const total = /-\d{5}-of-(\d{5})\.parquet$/.exec(file)?.[1];
    const stem = file.replace(/-\d{5}-of-\d{5}\.parquet$/, '');
    const present = files.filter((other) => other.startsWith(`${stem}-`) && other.endsWith(`-of-${total}.parquet`));
    if (total !== undefined && present.length !== Number(total)) {
      throw new HubError('input', `${title}: expected ${Number(total)} files like ${file}, got ${present.length}`);
    }
  }
}
