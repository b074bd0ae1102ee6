import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { LocalHubError } from './errors.js';
import { type RepoType, repoId, safePath } from './names.js';
import { readJson, writeFileAtomic } from './store/atomic.js';
import { defaultAttributes, isLfs } from './store/attributes.js';
import { lfsEntry } from './store/change.js';
import type { FileEntry } from './store/commit.js';
import { createRepo } from './store/create.js';
import type { Store } from './store/store.js';

const plurals = { models: 'model', datasets: 'dataset' } as const satisfies Record<string, RepoType>;

// One date for all imports: the same files get the same commit id on every machine.
const IMPORTED = new Date(0).toISOString();

/**
 * Imports `models/ORG/NAME` and `datasets/ORG/NAME` of a folder, each repository once in the life of the store:
 * what was changed or deleted since stays so. Files are copied, so the folder may change afterwards.
 */
export async function importSeed(store: Store, folder: string): Promise<void> {
  if (!(await stat(folder).catch(() => undefined))?.isDirectory()) {
    throw new LocalHubError('input', `seed ${folder}: expected a folder with models/ORG/NAME or datasets/ORG/NAME`);
  }
  const record = join(store.root, 'seeded.json');
  const done = new Set(await readJson<string[]>(record));
  for (const [plural, type] of Object.entries(plurals)) {
    for (const org of await folders(join(folder, plural))) {
      for (const name of await folders(join(folder, plural, org))) {
        const key = `${plural}/${org}/${name}`;
        if (!done.has(key)) await importRepo(store, type, repoId(org, name), join(folder, key));
        done.add(key);
      }
    }
  }
  await writeFileAtomic(record, JSON.stringify([...done]));
}

async function folders(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.flatMap((entry) => (entry.isDirectory() ? [entry.name] : [])).sort();
}

async function importRepo(store: Store, type: RepoType, id: string, folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files: FileEntry[] = [];
  for (const entry of entries.filter((candidate) => candidate.isFile())) {
    const path = join(entry.parentPath, entry.name);
    files.push(await importFile(store, path, safePath(path.slice(folder.length + 1).replaceAll('\\', '/'))));
  }
  await createRepo(store, { type, id, private: false, author: 'seed', title: 'Imported', date: IMPORTED, files });
}

async function importFile(store: Store, file: string, path: string): Promise<FileEntry> {
  const { size } = await stat(file);
  if (!isLfs(path, size, defaultAttributes)) return { path, oid: await store.objects.addFile('git', file, size), size };
  return lfsEntry(path, await store.objects.addFile('lfs', file, size), size);
}
