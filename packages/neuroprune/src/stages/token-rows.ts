import path from 'node:path';
import {
  type DataBlock,
  encodeBlocks,
  encodeTexts,
  type FoundTextTask,
  loadTokenizer,
  outputCount,
  type Task,
  type TokenFile,
  tokenKey,
  tokenRows,
} from '@neuroprune/evaluate';
import type { HubOptions } from '@neuroprune/hub';
import type { RunContext } from '../context.js';
import { version } from '../version.js';
import type { FetchedRows } from './fetch-rows.js';
import type { Recipe } from './recipe.js';
import { exists } from './run-folder.js';
import { hashFiles } from './write-file.js';

/** How rows become token ids. */
export interface TokenChoice {
  readonly task: Task;
  /** Folder of the model's tokenizer. */
  readonly folder: string;
  readonly maxLength: number;
  /** Only the first rows. */
  readonly limit?: number | undefined;
  /** Whether ids are kept and looked for. */
  readonly cache: boolean;
}

/** Folder of the cache of token ids; may be removed at any time. */
export const tokenFolder = ({ assetsDir }: HubOptions): string => path.join(assetsDir, 'neuroprune', 'tokens');

/** Tokenizes a split, or finds its ids in the cache; close them when done. */
export async function tokenize(
  rows: FetchedRows,
  { task, folder, maxLength, limit = Number.POSITIVE_INFINITY, cache }: TokenChoice,
  hub: HubOptions,
  { signal, onEvent }: RunContext,
): Promise<TokenFile> {
  const tokenizer = await loadTokenizer(folder);
  const { sentences, labelColumn, idColumn, labels, classes, refusesEmpty } = task;
  const columns = { sentences, labelColumn, idColumn, labels, classes, refusesEmpty };
  const files = rows.files.map(({ sha256 }) => sha256);
  const key = tokenKey({ version, files, columns, maxLength, limit, tokenizer: await hashesOf(folder) });
  const wanted = [...new Set([...sentences, labelColumn, idColumn ?? 'idx'])];
  const blocks = () => encodeBlocks(tokenizer, limited(rows.read(wanted), limit, signal), task, maxLength);
  const facts = { key, padId: tokenizer.padId, ...(labels !== 'score' && { classes: outputCount(task) }) };
  return tokenRows(facts, blocks, {
    folder: cache ? tokenFolder(hub) : undefined,
    onEvent: (event) => onEvent({ ...event, split: rows.split }),
  });
}

/** How texts to learn to write become token ids. */
export type TextTokenChoice = Omit<TokenChoice, 'task' | 'limit'> & {
  readonly task: FoundTextTask;
  /** What stands around each source. */
  readonly texts?: Recipe['texts'];
};

/** Tokenizes a split of texts, or finds its ids in the cache; close them when done. */
export async function tokenizeTexts(
  rows: FetchedRows,
  { task, folder, maxLength, texts = {}, cache }: TextTokenChoice,
  hub: HubOptions,
  { signal, onEvent }: RunContext,
): Promise<TokenFile> {
  const tokenizer = await loadTokenizer(folder);
  const { layout, kind } = task;
  const files = rows.files.map(({ sha256 }) => sha256);
  // Texts of which windows are made are not cut.
  const cut = kind === 'generation' ? { maxLength, texts } : {};
  const key = tokenKey({ version, files, kind, layout, ...cut, tokenizer: await hashesOf(folder) });
  const read = () => limited(rows.read(textColumns(task)), undefined, signal);
  const options = { maxLength, prefix: texts.prefix, suffix: texts.suffix };
  return tokenRows({ key, padId: tokenizer.padId }, () => encodeTexts(tokenizer, read(), task, options), {
    folder: cache ? tokenFolder(hub) : undefined,
    onEvent: (event) => onEvent({ ...event, split: rows.split }),
  });
}

/** The columns that hold a task's texts, or fields with them. */
export const textColumns = ({ layout: { source, references } }: FoundTextTask): string[] => [
  ...new Set([source, ...references].map((name) => name.split('.')[0] ?? name)),
];

async function hashesOf(folder: string): Promise<string[]> {
  const files = ['tokenizer.json', 'tokenizer_config.json'].map((name) => path.join(folder, name));
  const there: string[] = [];
  for (const file of files) if (await exists(file)) there.push(file);
  return (await hashFiles(there)).map(({ sha256 }) => sha256);
}

/** The first rows of some blocks; all where there is no limit. */
export async function* limited(
  blocks: AsyncIterable<DataBlock>,
  limit: number | undefined,
  signal: AbortSignal,
): AsyncGenerator<DataBlock> {
  let left = limit ?? Number.POSITIVE_INFINITY;
  for await (const block of blocks) {
    signal.throwIfAborted();
    yield block.rows.length <= left ? block : { ...block, rows: block.rows.slice(0, left) };
    left -= block.rows.length;
    if (left <= 0) return;
  }
}
