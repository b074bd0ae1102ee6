import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readCard } from './card.js';
import { splitFiles } from './dataset-config.js';
import { type Row, readParquet } from './parquet.js';
import { type SnapshotRequest, snapshot } from './snapshot.js';

/** The rows of one split, and where they came from. */
export interface Dataset {
  readonly rows: Row[];
  readonly commit: string | null; // null for a local folder
  readonly files: readonly string[]; // on this machine, in the order of the rows
}

/**
 * Reads a split of a data set from the Hub or a local folder: `<config>/<split>-00000-of-0000N.parquet`,
 * `data/<split>-*.parquet`, or what the card's `configs` say. Throws `HubError` as `snapshot` and `readParquet` do.
 */
export async function dataset(
  id: string,
  config: string | undefined,
  split: string,
  request: Omit<SnapshotRequest, 'type' | 'patterns'> = {},
): Promise<Dataset> {
  const { commit, files, folder } = await snapshot(id, { ...request, type: 'dataset', patterns: ['README.md'] });
  const text = files.includes('README.md') ? await readFile(join(folder, 'README.md'), 'utf8') : '';
  const chosen = splitFiles(readCard(text, `data set ${id}, README.md`), files, {
    title: `data set ${id}`,
    config,
    split,
  });
  if (commit !== null) await snapshot(id, { ...request, type: 'dataset', revision: commit, patterns: chosen });
  const paths = chosen.map((file) => join(folder, file));
  const rows: Row[] = [];
  for (const path of paths) for (const row of await readParquet(path)) rows.push(row);
  return { rows, commit, files: paths };
}
