import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Card, readCard } from './card.js';
import { type ConfigName, splitFiles, splitsOf } from './dataset-config.js';
import { cardClassNames, noteClassNames } from './features.js';
import { parquetNotes, type Row } from './parquet.js';
import { type SnapshotRequest, snapshot } from './snapshot.js';
import { findSplit } from './split-names.js';
import type { RowBlock } from './table/block.js';
import { endingOf, readTable } from './table/read-table.js';

/** The rows of one split, and where they came from. */
export interface Dataset {
  readonly rows: Row[];
  readonly commit: string | null; // null for a local folder
  readonly files: readonly string[]; // on this machine, in the order of the rows
}

/** A data set whose files are known, before any row is fetched. */
export interface OpenDataset {
  readonly commit: string | null; // null for a local folder
  readonly splits: readonly string[];
  /** The split a name means; undefined where there is none. */
  readonly find: (split: string) => string | undefined;
  /** Fetches a split's files; `validation` finds `dev` and the like. Throws `HubError`, naming the splits there are. */
  readonly fetch: (split: string) => Promise<DataSplit>;
}

/** A split whose files are on this machine. */
export interface DataSplit {
  readonly files: readonly string[]; // in the order of the rows
  /** The rows from the first to the last, a block at a time, so that memory does not grow with the split. */
  readonly read: (columns?: readonly string[]) => AsyncGenerator<RowBlock>;
  /** Class names of a column by index, where the card or the files declare them. */
  readonly classNames: (column: string) => Promise<readonly string[] | undefined>;
}

type DatasetRequest = Omit<SnapshotRequest, 'type' | 'patterns'>;

/**
 * Finds the splits of a data set on the Hub or in a local folder: what the card's `configs` say, else files named as
 * usual, in parquet, CSV, TSV or JSON lines (the text ones also as `.gz`). Throws `HubError` as `snapshot` does.
 */
export async function openDataset(
  id: string,
  config: string | undefined,
  request: DatasetRequest = {},
): Promise<OpenDataset> {
  const { commit, files, folder } = await snapshot(id, { ...request, type: 'dataset', patterns: ['README.md'] });
  const text = files.includes('README.md') ? await readFile(join(folder, 'README.md'), 'utf8') : '';
  const card = readCard(text, `data set ${id}, README.md`);
  const name = { title: `data set ${id}`, config };
  const splits = [...splitsOf(card, files, name).keys()];
  return {
    commit,
    splits,
    find: (split) => findSplit(splits, split),
    fetch: async (split) => {
      const chosen = splitFiles(card, files, { ...name, split });
      if (commit !== null) await snapshot(id, { ...request, type: 'dataset', revision: commit, patterns: chosen });
      const paths = chosen.map((file) => join(folder, file));
      return splitOf(paths, card, name);
    },
  };
}

const splitOf = (files: readonly string[], card: Card, { config }: ConfigName): DataSplit => ({
  files,
  read: async function* (columns) {
    for (const file of files) yield* readTable(file, columns);
  },
  classNames: async (column) => {
    const [first] = files;
    const notes = first !== undefined && endingOf(first) === 'parquet' ? await parquetNotes(first) : undefined;
    return cardClassNames(card, config, column) ?? noteClassNames(notes?.get('huggingface'), column);
  },
});

/** Reads all rows of a split into memory. Throws `HubError` as `openDataset` and the readers of its files do. */
export async function dataset(
  id: string,
  config: string | undefined,
  split: string,
  request: DatasetRequest = {},
): Promise<Dataset> {
  const { commit, fetch } = await openDataset(id, config, request);
  const { files, read } = await fetch(split);
  const rows: Row[] = [];
  for await (const block of read()) for (const row of block.rows) rows.push(row);
  return { rows, commit, files };
}
