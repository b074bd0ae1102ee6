import type { DataRow, Task } from '@neuroprune/evaluate';
import { dataset, type HubOptions } from '@neuroprune/hub';
import type { RunContext } from '../context.js';
import { type FileHash, hashFiles } from './write-file.js';

/** The rows of one split of a task's data set, and where they came from. */
export interface FetchedRows {
  readonly split: string;
  readonly rows: readonly DataRow[];
  readonly commit: string | null;
  readonly files: readonly FileHash[];
}

/** Fetches one split of a task's data set. */
export async function fetchRows(
  task: Task,
  split: keyof Task['splits'],
  hub: HubOptions,
  { signal, onEvent }: RunContext,
): Promise<FetchedRows> {
  const { id, config } = task.dataset;
  const name = task.splits[split];
  const { rows, commit, files } = await dataset(id, config, name, { options: hub, signal, onEvent });
  return { split: name, rows, commit, files: await hashFiles(files) };
}
