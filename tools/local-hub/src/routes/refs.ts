import { readObject, textField } from '../http/body.js';
import { Fault, noRevision } from '../http/fault.js';
import { page } from '../http/page.js';
import { json, type Reply } from '../http/reply.js';
import type { RepoCall, WriteCall } from '../http/router.js';
import { refName } from '../names.js';
import { type Commit, sealCommit } from '../store/commit.js';
import { MAIN, type Repo } from '../store/repo.js';
import { demandCommit } from './revision.js';

/** `GET {api}/refs`: branches, tags and, when asked for, pull requests. */
export function refs({ repo, url }: RepoCall): Reply {
  const below = (prefix: string): unknown[] =>
    Object.entries(repo.refs)
      .filter(([ref]) => ref.startsWith(prefix))
      .map(([ref, targetCommit]) => ({ name: ref.slice(prefix.length), ref, targetCommit }));
  const pullRequests = url.searchParams.get('include_prs') ? { pullRequests: below('refs/pr/') } : {};
  return json({ branches: below('refs/heads/'), tags: below('refs/tags/'), converts: [], ...pullRequests });
}

/** `GET {api}/commits/{revision}`: the history, newest first. */
export async function commits(call: RepoCall): Promise<Reply> {
  const history = await historyOf(call, await demandCommit(call, call.params.rest ?? ''));
  const { items, headers } = page(call.url, history);
  const shown = items.map(({ id, title, message, author, date }) => ({
    id,
    title,
    message,
    authors: [{ user: author, avatar: `${call.url.origin}/avatars/${author}.svg` }],
    date,
  }));
  return json(shown, 200, { ...headers, 'X-Total-Count': String(history.length) });
}

async function historyOf({ hub, repo }: RepoCall, head: Commit): Promise<Commit[]> {
  const history: Commit[] = [];
  for (let next: Commit | undefined = head; next; ) {
    history.push(next);
    next = next.parent === null ? undefined : await hub.store.commit(repo, next.parent);
  }
  return history;
}

/** `POST {api}/branch/{branch}`. */
export async function createBranch(call: WriteCall): Promise<Reply> {
  const body = await readObject(call.request);
  const from = typeof body.startingPoint === 'string' ? body.startingPoint : 'HEAD';
  const start = body.emptyBranch === true ? await emptyCommit(call) : await demandCommit(call, from);
  return addRef(call, `refs/heads/${refName(call.params.rest ?? '')}`, start, body.overwrite === true);
}

/** `DELETE {api}/branch/{branch}`; the default branch stays. */
export function deleteBranch(call: WriteCall): Promise<Reply> {
  const ref = `refs/heads/${call.params.rest}`;
  if (ref === MAIN) throw new Fault(403, 'The default branch cannot be deleted');
  return dropRef(call, ref);
}

/** `POST {api}/tag/{revision}`: the tag's name is in the body. */
export async function createTag(call: WriteCall): Promise<Reply> {
  const name = refName(textField(await readObject(call.request), 'tag'));
  return addRef(call, `refs/tags/${name}`, await demandCommit(call, call.params.rest ?? ''), false);
}

/** `DELETE {api}/tag/{tag}`. */
export function deleteTag(call: WriteCall): Promise<Reply> {
  return dropRef(call, `refs/tags/${call.params.rest}`);
}

async function emptyCommit({ hub, repo, session }: WriteCall): Promise<Commit> {
  const date = new Date().toISOString();
  const commit = sealCommit({
    parent: null,
    title: 'Empty branch',
    message: '',
    author: session.name,
    date,
    files: [],
  });
  await hub.store.saveCommit(repo, commit);
  return commit;
}

function addRef(call: WriteCall, ref: string, commit: Commit, overwrite: boolean): Promise<Reply> {
  return changeRefs(call, (repo) => {
    if (Object.hasOwn(repo.refs, ref) && !overwrite) throw new Fault(409, `Reference ${ref} already exists`);
    return { ...repo.refs, [ref]: commit.id };
  });
}

function dropRef(call: WriteCall, ref: string): Promise<Reply> {
  return changeRefs(call, (repo) => {
    if (!Object.hasOwn(repo.refs, ref)) throw noRevision(ref);
    return Object.fromEntries(Object.entries(repo.refs).filter(([name]) => name !== ref));
  });
}

/** Applies a change to the references as they are now, not as they were when the request came. */
function changeRefs({ hub, repo }: WriteCall, change: (repo: Repo) => Repo['refs']): Promise<Reply> {
  return hub.store.change(repo.type, repo.id, async () => {
    const current = (await hub.store.repo(repo.type, repo.id)) ?? repo;
    await hub.store.save({ ...current, refs: change(current) });
    return json({ success: true });
  });
}
