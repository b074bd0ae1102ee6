import { canRead, demandRead, demandSession, demandWrite } from '../auth.js';
import { listField, readObject, textField } from '../http/body.js';
import { badRequest, Fault } from '../http/fault.js';
import { page } from '../http/page.js';
import { json, type Reply } from '../http/reply.js';
import type { Call } from '../http/router.js';
import { parseType, type RepoType, repoId, safePath, typeOfPlural } from '../names.js';
import { storeFile } from '../store/change.js';
import type { FileEntry } from '../store/commit.js';
import { createRepo } from '../store/create.js';
import { webPath } from '../store/repo.js';
import { describeRepo } from './info.js';

/** `POST /api/repos/create`. */
export async function create(call: Call): Promise<Reply> {
  const body = await readObject(call.request);
  const { type, id } = target(call, body);
  const author = demandWrite(call.session, id.split('/')[0] ?? '').name;
  const isPrivate = body.visibility === 'private' || body.private === true;
  const files = await initialFiles(call, body);
  const url = `${call.url.origin}${webPath({ type, id })}`;
  const made = { type, id, private: isPrivate, author, title: 'initial commit', date: new Date().toISOString(), files };
  const repo = await createRepo(call.hub.store, made);
  if (!repo) throw new Fault(409, `You already created this ${type} repo: ${id}`, { body: { url } });
  return json({ url, name: id, id });
}

/** `DELETE /api/repos/delete`. */
export async function remove(call: Call): Promise<Reply> {
  const { type, id } = target(call, await readObject(call.request));
  const { store } = call.hub;
  return store.change(type, id, async () => {
    const repo = demandRead(demandSession(call.session), await store.repo(type, id));
    demandWrite(call.session, id.split('/')[0] ?? '');
    await store.remove(repo);
    return json({ success: true });
  });
}

/** `GET /api/{types}`: those the caller may see, narrowed by `author` and `search`. */
export async function list(call: Call): Promise<Reply> {
  const { hub, url, session, params } = call;
  const author = url.searchParams.get('author')?.toLowerCase();
  const search = url.searchParams.get('search')?.toLowerCase() ?? '';
  const repos = (await hub.store.repos(typeOfPlural(params.types))).filter(
    (repo) =>
      canRead(session, repo) &&
      repo.id.toLowerCase().includes(search) &&
      (!author || repo.id.toLowerCase().startsWith(`${author}/`)),
  );
  const { items, headers } = page(url, repos);
  return json(await Promise.all(items.map((repo) => describeRepo(hub.store, repo))), 200, headers);
}

function target(call: Call, body: Record<string, unknown>): { type: RepoType; id: string } {
  const [ns, name] = textField(body, 'name').includes('/')
    ? textField(body, 'name').split('/')
    : [undefined, body.name];
  const owner = ns ?? (typeof body.organization === 'string' ? body.organization : demandSession(call.session).name);
  return { type: parseType(body.type), id: repoId(owner, String(name)) };
}

async function initialFiles(call: Call, body: Record<string, unknown>): Promise<FileEntry[]> {
  const files = body.files === undefined ? [] : listField(body, 'files');
  return Promise.all(
    files.map((file) => {
      const { path, content } = (file ?? {}) as { path?: unknown; content?: unknown };
      if (typeof content !== 'string') throw badRequest('"files" must have path and content');
      return storeFile(call.hub.store.objects, safePath(path), Buffer.from(content, 'base64'));
    }),
  );
}
