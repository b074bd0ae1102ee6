import { createHash } from 'node:crypto';
import { json, type Reply } from '../http/reply.js';
import type { RepoCall } from '../http/router.js';
import type { Commit } from '../store/commit.js';
import { lfsPointer } from '../store/objects.js';
import { MAIN, namespaceOf, type Repo } from '../store/repo.js';
import type { Store } from '../store/store.js';
import { fileAt } from '../store/tree.js';
import { demandCommit } from './revision.js';

/** `GET {api}` and `GET {api}/revision/{revision}`: all fields, whatever `expand` asks for. */
export async function info(call: RepoCall): Promise<Reply> {
  const commit = await demandCommit(call, call.params.revision ?? 'HEAD');
  return json(await describe(call.hub.store, call.repo, commit, call.url.searchParams.get('blobs') === 'true'));
}

/** A repository at the head of its default branch, as lists show it. */
export async function describeRepo(store: Store, repo: Repo): Promise<unknown> {
  const commit = await store.commit(repo, repo.refs[MAIN] ?? '');
  return commit ? describe(store, repo, commit, false) : { id: repo.id };
}

async function describe(store: Store, repo: Repo, commit: Commit, blobs: boolean): Promise<unknown> {
  const card = await cardFields(store, commit);
  return {
    _id: createHash('sha256').update(`${repo.type} ${repo.id} ${repo.createdAt}`).digest('hex').slice(0, 24),
    id: repo.id,
    ...(repo.type === 'model' && { modelId: repo.id }),
    author: namespaceOf(repo),
    sha: commit.id,
    lastModified: commit.date,
    createdAt: repo.createdAt,
    private: repo.private,
    gated: false,
    disabled: false,
    downloads: 0,
    likes: 0,
    tags: [],
    ...card,
    cardData: card,
    siblings: commit.files.map(({ path, oid, size, lfs }) => ({
      rfilename: path,
      ...(blobs && {
        size,
        blobId: oid,
        ...(lfs && { lfs: { sha256: lfs, size, pointerSize: lfsPointer(lfs, size).length } }),
      }),
    })),
    spaces: [],
    config: {},
    usedStorage: commit.files.reduce((sum, file) => sum + file.size, 0),
  };
}

/** The plain one-line fields of the card's front matter that clients list. */
async function cardFields(store: Store, commit: Commit): Promise<Record<string, string>> {
  const card = fileAt(commit, 'README.md');
  if (!card || card.lfs || card.size > 1_000_000) return {};
  const text = (await store.objects.read('git', card.oid)).toString('utf8');
  const frontMatter = /^---\r?\n(.*?)\r?\n---/s.exec(text)?.[1] ?? '';
  const fields = frontMatter.matchAll(/^(pipeline_tag|library_name|license): *["']?([\w.-]+)["']?\s*$/gm);
  return Object.fromEntries([...fields].map(([, key, value]) => [key, value]));
}
