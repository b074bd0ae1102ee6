import type { RepoType } from '../names.js';
import { defaultAttributes } from './attributes.js';
import { storeFile } from './change.js';
import { type FileEntry, sealCommit } from './commit.js';
import { MAIN, type Repo } from './repo.js';
import type { Store } from './store.js';

/** What a repository starts with; without a `.gitattributes` among the files it gets the Hub's own. */
export interface NewRepo {
  readonly type: RepoType;
  readonly id: string;
  readonly private: boolean;
  readonly author: string;
  readonly title: string;
  readonly date: string; // ISO 8601
  readonly files: readonly FileEntry[];
}

/** Creates a repository with one commit; undefined where the name is taken. */
export function createRepo(store: Store, facts: NewRepo): Promise<Repo | undefined> {
  const { type, id, author, title, date } = facts;
  return store.change(type, id, async () => {
    if (await store.repo(type, id)) return undefined;
    const attributes = facts.files.some((file) => file.path === '.gitattributes')
      ? []
      : [await storeFile(store.objects, '.gitattributes', Buffer.from(defaultAttributes))];
    const files = [...attributes, ...facts.files];
    const commit = sealCommit({ parent: null, title, message: '', author, date, files });
    await store.saveCommit({ type, id }, commit);
    const repo: Repo = { type, id, private: facts.private, createdAt: date, refs: { [MAIN]: commit.id } };
    await store.save(repo);
    return repo;
  });
}
