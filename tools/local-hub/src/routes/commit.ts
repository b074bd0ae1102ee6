import { parseObject, readText, textField } from '../http/body.js';
import { badRequest, Fault, noRevision } from '../http/fault.js';
import { json, type Reply } from '../http/reply.js';
import type { WriteCall } from '../http/router.js';
import { safePath } from '../names.js';
import { nextCommit, type Operation } from '../store/change.js';
import type { Commit } from '../store/commit.js';
import { findRef, type Repo, webPath } from '../store/repo.js';

const MAX_BODY = 512 * 1024 * 1024;

interface Header {
  readonly summary: string;
  readonly description: string;
  readonly parentCommit: string | undefined;
}

/** `POST {api}/commit/{branch}`: all operations or none; with `create_pr=1` on a new `refs/pr/N`. */
export async function commit(call: WriteCall): Promise<Reply> {
  const { header, operations } = parseCommit(await readText(call.request, MAX_BODY));
  const { store } = call.hub;
  return store.change(call.repo.type, call.repo.id, async () => {
    const repo = (await store.repo(call.repo.type, call.repo.id)) ?? call.repo;
    const isPullRequest = /^(1|true)$/.test(call.url.searchParams.get('create_pr') ?? '');
    const base = await baseOf(call, repo, header.parentCommit, isPullRequest);
    const next = await nextCommit(store.objects, base.commit, operations, {
      title: header.summary,
      message: header.description,
      author: call.session.name,
    });
    const number = pullRequests(repo) + 1;
    const ref = isPullRequest ? `refs/pr/${number}` : base.ref;
    await store.saveCommit(repo, next);
    await store.save({ ...repo, refs: { ...repo.refs, [ref]: next.id } });
    const web = `${call.url.origin}${webPath(repo)}`;
    return json({
      success: true,
      commitOid: next.id,
      commitUrl: `${web}/commit/${next.id}`,
      hookOutput: '',
      ...(isPullRequest && { pullRequestUrl: `${web}/discussions/${number}` }),
    });
  });
}

const pullRequests = (repo: Repo): number =>
  Math.max(0, ...Object.keys(repo.refs).map((ref) => Number(/^refs\/pr\/(\d+)$/.exec(ref)?.[1] ?? 0)));

/** Where the commit goes: a branch or pull request whose head is `parentCommit` (412 otherwise). */
async function baseOf(
  call: WriteCall,
  repo: Repo,
  parent: string | undefined,
  isPullRequest: boolean,
): Promise<{ ref: string; commit: Commit }> {
  const revision = call.params.rest ?? '';
  const ref = findRef(repo, revision);
  const head = ref && (await call.hub.store.commit(repo, repo.refs[ref] ?? ''));
  if (!ref || !head || ref.startsWith('refs/tags/')) throw noRevision(revision);
  if (parent === undefined || parent === head.id) return { ref, commit: head };
  const start = isPullRequest ? await call.hub.store.commit(repo, parent) : undefined;
  if (!start) throw new Fault(412, `A commit has happened since ${parent}. Please refresh and try again.`);
  return { ref, commit: start };
}

function parseCommit(text: string): { header: Header; operations: Operation[] } {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const [first, ...rest] = lines.map(parseObject);
  if (first?.key !== 'header') throw badRequest('The first line must be the header');
  return { header: parseHeader(operandOf(first)), operations: rest.map(parseOperation) };
}

function operandOf(line: Record<string, unknown>): Record<string, unknown> {
  if (typeof line.value !== 'object' || line.value === null) throw badRequest('"value" must be an object');
  return line.value as Record<string, unknown>;
}

function parseHeader(value: Record<string, unknown>): Header {
  const optional = (name: string): string | undefined => (value[name] == null ? undefined : textField(value, name));
  const parentCommit = optional('parentCommit');
  return { summary: textField(value, 'summary'), description: optional('description') ?? '', parentCommit };
}

const parsers: Readonly<Record<string, (value: Record<string, unknown>) => Operation>> = {
  file: (value) => {
    const encoding = value.encoding ?? 'utf-8';
    if (encoding !== 'base64' && encoding !== 'utf-8') throw badRequest(`Unknown encoding: ${encoding}`);
    const content = Buffer.from(textField(value, 'content'), encoding);
    return { kind: 'file', path: safePath(value.path), content };
  },
  lfsFile: (value) => {
    const oid = textField(value, 'oid');
    if (!/^[0-9a-f]{64}$/.test(oid) || value.algo !== 'sha256') throw badRequest('lfsFile needs a sha256 oid');
    const size = typeof value.size === 'number' ? value.size : undefined;
    return { kind: 'lfsFile', path: safePath(value.path), oid, size };
  },
  deletedFile: (value) => ({ kind: 'deletedFile', path: safePath(value.path) }),
  deletedFolder: (value) => ({ kind: 'deletedFolder', path: safePath(textField(value, 'path').replace(/\/$/, '')) }),
};

function parseOperation(line: Record<string, unknown>): Operation {
  const parse = typeof line.key === 'string' && Object.hasOwn(parsers, line.key) ? parsers[line.key] : undefined;
  if (!parse) throw badRequest(`Unknown operation: ${String(line.key)}`);
  return parse(operandOf(line));
}
