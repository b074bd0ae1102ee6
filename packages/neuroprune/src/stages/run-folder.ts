import { access, mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { checkpointSteps } from '@neuroprune/prune';
import { NeuropruneError } from '../error.js';
import { removeDrafts } from './write-file.js';

/** A file that every run folder has, by which one is known. */
export const RECIPE = 'recipe.json';

/** A file that the folder of a finished run has. */
export const RESULT = 'run.json';

/** Where a run folder keeps the exact state of the training. */
export const CHECKPOINTS = 'checkpoints';

/** Where it keeps what belongs to the dense run beside it. */
export const BASELINE = 'baseline';

/** A file that was being written when its run was stopped. */
const unfinished = /^\..*\.tmp$/;

/** Refuses a place for a run folder that holds something else; an earlier run there will be replaced. */
export async function checkRunFolder(folder: string): Promise<void> {
  const entries = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [] as string[];
    const got = error.code === 'ENOTDIR' ? 'a file' : String(error.code);
    throw new NeuropruneError('input', `${folder}: expected a folder for the run, got ${got}`, { cause: error });
  });
  if (entries.every((name) => unfinished.test(name)) || entries.includes(RECIPE)) return;
  throw new NeuropruneError(
    'input',
    `${folder}: expected a new folder or that of an earlier run, got one with other files; choose another --out`,
  );
}

/** Whether the run in a folder was stopped after a checkpoint, so that it can go on. */
export async function isResumable(folder: string): Promise<boolean> {
  if (!(await exists(path.join(folder, RECIPE)))) return false;
  const places = [path.join(folder, CHECKPOINTS), path.join(folder, BASELINE, CHECKPOINTS)];
  const steps = await Promise.all(places.map(checkpointSteps));
  if (steps.flat().length > 0 || (await exists(path.join(folder, BASELINE, SCORE)))) return true;
  for (const seed of await seedFoldersOf(folder))
    if ((await exists(path.join(seed, RESULT))) || (await isResumable(seed))) return true;
  return false;
}

/** Folders of the seeds of a run of several. */
async function seedFoldersOf(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => [] as string[]);
  return names.filter((name) => /^seed-\d+$/.test(name)).map((name) => path.join(folder, name));
}

/** What is known of the dense run once it is scored. */
export const SCORE = 'score.json';

/** How work in a run folder begins. */
export interface RunFolderOptions {
  /** Goes on in the folder as it is, instead of starting anew. */
  readonly resume?: boolean;
}

/**
 * Does work in a run folder. An earlier run there is set aside until the work is done, and comes back where it fails
 * before there is a checkpoint to go on from; nothing else remains of such work.
 */
export async function inRunFolder<T>(
  folder: string,
  work: (folder: string) => Promise<T>,
  { resume = false }: RunFolderOptions = {},
): Promise<T> {
  await checkRunFolder(folder);
  const earlier = path.join(path.dirname(folder), `.${path.basename(folder)}.earlier`);
  if (resume) await removeDrafts(folder);
  else await setAside(folder, earlier);
  await mkdir(folder, { recursive: true });
  try {
    const result = await work(folder);
    await rm(earlier, { recursive: true, force: true });
    return result;
  } catch (error) {
    if (!(await isResumable(folder))) await putBack(folder, earlier);
    throw error;
  }
}

/** Of a finished and an unfinished run, the finished one is kept. */
async function setAside(folder: string, earlier: string): Promise<void> {
  const finished = await exists(path.join(folder, RESULT));
  if (finished || ((await isResumable(folder)) && !(await exists(earlier)))) {
    await rm(earlier, { recursive: true, force: true });
    await rename(folder, earlier);
  }
  await rm(folder, { recursive: true, force: true });
}

async function putBack(folder: string, earlier: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  if (await exists(earlier)) await rename(earlier, folder);
}

/** Whether a path exists. */
export const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );
