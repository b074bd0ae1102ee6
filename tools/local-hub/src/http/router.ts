import type { IncomingMessage } from 'node:http';
import { demandRead, demandWrite, type Session } from '../auth.js';
import { type RepoType, repoId, typeOfPlural } from '../names.js';
import type { Repo } from '../store/repo.js';
import type { Store } from '../store/store.js';
import { badRequest, Fault } from './fault.js';
import type { Reply } from './reply.js';
import type { Signer } from './signer.js';

/** What all handlers share. */
export interface Hub {
  readonly store: Store;
  readonly signer: Signer;
  readonly partBytes: number; // larger uploads are split into parts of this size
}

/** One request, its address taken apart. */
export interface Call {
  readonly hub: Hub;
  readonly request: IncomingMessage;
  readonly url: URL; // with the origin the client used
  readonly blobs: string; // origin of the second port, for bytes
  readonly params: Readonly<Record<string, string>>;
  readonly session: Session | undefined;
}

/** A request about a repository the caller may see. */
export interface RepoCall extends Call {
  readonly repo: Repo;
}

/** A request by someone who may write to the repository. */
export interface WriteCall extends RepoCall {
  readonly session: Session;
}

/** A row of a table of routes; `access` says what is checked before `run`. */
export type Route =
  | { readonly method: Method; readonly path: string; readonly run: Handler<Call> }
  | { readonly method: Method; readonly path: string; readonly access: 'read'; readonly run: Handler<RepoCall> }
  | { readonly method: Method; readonly path: string; readonly access: 'write'; readonly run: Handler<WriteCall> };

/** Methods a row may have; HEAD is answered by the row for GET. */
export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

type Handler<C extends Call> = (call: C) => Promise<Reply> | Reply;

/** Answers a call from the first row that fits. */
export type Dispatch = (call: Omit<Call, 'params'>) => Promise<Reply>;

const TYPES = '(?<types>models|datasets|spaces)';
const NAME = '(?<ns>[^/]+)/(?<name>[^/]+?)';

/** `{api}` and `{repo}` stand for a repository's two addresses, `{x}` for one segment, `{*x}` for the rest. */
function compile(path: string): RegExp {
  const source = path
    .replace(/\./g, '\\.')
    .replace('{api}', `/api/${TYPES}/${NAME}`)
    .replace('{repo}', `(?:/${TYPES})?/${NAME}`)
    .replace('{types}', TYPES)
    .replace(/\{\*(\w+)\}/g, '(?<$1>.+)')
    .replace(/\{(\w+)\}/g, '(?<$1>[^/]+)');
  return new RegExp(`^${source}$`);
}

const anyRepo = [compile('{api}/{*rest}'), compile('{repo}/{*rest}')];

/** Compiles a table of routes. */
export function router(routes: readonly Route[]): Dispatch {
  const table = routes.map((route) => ({ route, pattern: compile(route.path) }));
  return async (call) => {
    const fitting = table.filter(({ pattern }) => pattern.test(call.url.pathname));
    const method = call.request.method === 'HEAD' ? 'GET' : call.request.method;
    const row = fitting.find(({ route }) => route.method === method);
    if (row) return run(row.route, { ...call, params: match(row.pattern, call.url.pathname) });
    if (fitting.length > 0) throw new Fault(405, `${method} is not allowed here`);
    await demandKnownRepo(call);
    throw new Fault(404, 'Not found');
  };
}

/** A missing repository is reported as that, also for addresses this server does not know. */
async function demandKnownRepo(call: Omit<Call, 'params'>): Promise<void> {
  const pattern = anyRepo.find((candidate) => candidate.test(call.url.pathname));
  if (pattern) await repoOf({ ...call, params: match(pattern, call.url.pathname) });
}

async function run(route: Route, call: Call): Promise<Reply> {
  if (!('access' in route)) return route.run(call);
  const repo = await repoOf(call);
  if (route.access === 'read') return route.run({ ...call, repo });
  return route.run({ ...call, repo, session: demandWrite(call.session, repo.id.split('/')[0] ?? '') });
}

async function repoOf(call: Call): Promise<Repo> {
  const { types, ns = '', name = '' } = call.params;
  const type: RepoType = typeOfPlural(types);
  return demandRead(call.session, await call.hub.store.repo(type, repoId(ns, name)));
}

function match(pattern: RegExp, path: string): Record<string, string> {
  const groups = Object.entries(pattern.exec(path)?.groups ?? {});
  return Object.fromEntries(
    groups.filter(([, value]) => value !== undefined).map(([key, value]) => [key, decode(value)]),
  );
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badRequest('Address is not valid');
  }
}
