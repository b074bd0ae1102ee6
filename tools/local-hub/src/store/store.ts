import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { RepoType } from '../names.js';
import { readJson, writeFileAtomic } from './atomic.js';
import type { Commit } from './commit.js';
import { Locks } from './lock.js';
import { ObjectStore } from './objects.js';
import { findRef, type Repo } from './repo.js';

/** All that a local Hub keeps, below one folder: `objects/`, and `repos/<type>/<ns>/<name>/{repo.json,commits/}`. */
export class Store {
  readonly objects: ObjectStore;
  readonly #locks = new Locks();

  private constructor(readonly root: string) {
    this.objects = new ObjectStore(join(root, 'objects'));
  }

  /** Opens a folder, making it where it is missing, and drops what an interrupted upload left. */
  static async open(root: string): Promise<Store> {
    await mkdir(root, { recursive: true });
    const store = new Store(root);
    await rm(join(store.objects.root, 'incoming'), { recursive: true, force: true });
    return store;
  }

  /** Reads a repository, or undefined. */
  async repo(type: RepoType, id: string): Promise<Repo | undefined> {
    return readJson<Repo>(join(this.#folder(type, id), 'repo.json'));
  }

  /** All repositories of a type, ordered by name. */
  async repos(type: RepoType): Promise<Repo[]> {
    const base = join(this.root, 'repos', type);
    const ids = (await folders(base)).map(async (ns) => (await folders(join(base, ns))).map((name) => `${ns}/${name}`));
    const repos = await Promise.all((await Promise.all(ids)).flat().map((id) => this.repo(type, id)));
    return repos.filter((repo) => repo !== undefined);
  }

  /** Writes a repository's facts and references. */
  async save(repo: Repo): Promise<void> {
    await writeFileAtomic(join(this.#folder(repo.type, repo.id), 'repo.json'), JSON.stringify(repo, null, 1));
  }

  /** Removes a repository and its commits; objects stay, others may share them. */
  async remove(repo: Repo): Promise<void> {
    await rm(this.#folder(repo.type, repo.id), { recursive: true, force: true });
  }

  /** Runs `work` while no other change of that repository runs. */
  change<T>(type: RepoType, id: string, work: () => Promise<T>): Promise<T> {
    return this.#locks.run(this.#folder(type, id), work);
  }

  /** Reads a commit of a repository by its id, or undefined. */
  async commit(repo: Repo, id: string): Promise<Commit | undefined> {
    return /^[0-9a-f]{40}$/.test(id) ? readJson<Commit>(this.#commitPath(repo, id)) : undefined;
  }

  /** Writes a commit; no reference points at it yet. */
  async saveCommit(repo: Pick<Repo, 'type' | 'id'>, commit: Commit): Promise<void> {
    await writeFileAtomic(this.#commitPath(repo, commit.id), JSON.stringify(commit));
  }

  /** The commit a branch, tag, pull request, `HEAD` or commit id stands for, or undefined. */
  async resolve(repo: Repo, revision: string): Promise<Commit | undefined> {
    const ref = findRef(repo, revision);
    return this.commit(repo, ref === undefined ? revision : (repo.refs[ref] ?? ''));
  }

  #commitPath(repo: Pick<Repo, 'type' | 'id'>, id: string): string {
    return join(this.#folder(repo.type, repo.id), 'commits', `${id}.json`);
  }

  // The Hub compares names without regard to case.
  #folder(type: RepoType, id: string): string {
    return join(this.root, 'repos', type, id.toLowerCase());
  }
}

const folders = async (path: string): Promise<string[]> => (await readdir(path).catch(() => [])).sort();
