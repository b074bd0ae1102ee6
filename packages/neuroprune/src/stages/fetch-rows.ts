import type { DataBlock, Task } from '@neuroprune/evaluate';
import { type HubOptions, type OpenDataset, openDataset } from '@neuroprune/hub';
import type { RunContext } from '../context.js';
import { located } from './hub-options.js';
import { type FileHash, hashFiles } from './write-file.js';

/** One split of a data set on this machine, and where it came from. */
export interface FetchedRows {
  /** Its name in the data set. */
  readonly split: string;
  readonly commit: string | null;
  readonly files: readonly FileHash[];
  /** Reads its rows from the first, a block at a time. */
  readonly read: (columns?: readonly string[]) => AsyncGenerator<DataBlock>;
  /** Class names of a column, where the data set declares them. */
  readonly classNames: (column: string) => Promise<readonly string[] | undefined>;
}

/** Finds a data set's splits. */
export async function openData(
  { id, config, revision }: Task['dataset'],
  hub: HubOptions,
  { signal, onEvent, cwd }: RunContext,
): Promise<OpenDataset> {
  const request = { options: hub, signal, onEvent, ...(revision === undefined ? {} : { revision }) };
  return openDataset(await located(id, cwd), config, request);
}

/** Fetches one split of an open data set. */
export async function fetchSplit({ fetch, find, commit }: OpenDataset, split: string): Promise<FetchedRows> {
  const { files, read, classNames } = await fetch(split);
  return { split: find(split) ?? split, commit, files: await hashFiles(files), read, classNames };
}
