import { randomBytes } from 'node:crypto';
import { access, mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { NeuropruneError } from '../error.js';

/** A file that every run folder has, by which one is known. */
export const RECIPE = 'recipe.json';

/** Refuses a place for a run folder that holds something else; an earlier run there will be replaced. */
export async function checkRunFolder(folder: string): Promise<void> {
  const entries = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [] as string[];
    const got = error.code === 'ENOTDIR' ? 'a file' : String(error.code);
    throw new NeuropruneError('input', `${folder}: expected a folder for the run, got ${got}`, { cause: error });
  });
  if (entries.length === 0 || entries.includes(RECIPE)) return;
  throw new NeuropruneError(
    'input',
    `${folder}: expected a new folder or that of an earlier run, got one with other files; choose another --out`,
  );
}

/**
 * Does work in a folder beside the run folder and moves it there when all of it held; nothing remains of work that failed.
 */
export async function inRunFolder<T>(folder: string, work: (draft: string) => Promise<T>): Promise<T> {
  await checkRunFolder(folder);
  const beside = (what: string) =>
    path.join(path.dirname(folder), `.${path.basename(folder)}.${randomBytes(4).toString('hex')}.${what}`);
  const [draft, old] = [beside('draft'), beside('old')];
  await mkdir(draft, { recursive: true });
  try {
    const result = await work(draft);
    if (await exists(folder)) await rename(folder, old);
    await rename(draft, folder);
    return result;
  } finally {
    await rm(draft, { recursive: true, force: true });
    await rm(old, { recursive: true, force: true });
  }
}

/** Whether a path exists. */
export const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
