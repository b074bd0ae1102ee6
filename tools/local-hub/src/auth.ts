import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { LocalHubError } from './errors.js';
import { Fault, noRepo } from './http/fault.js';
import { isName } from './names.js';
import { namespaceOf, type Repo } from './store/repo.js';

/** Someone who may use the Hub; `orgs` are further namespaces to write to. */
export interface LocalHubUser {
  readonly name: string;
  readonly orgs?: readonly string[];
  readonly tokens: readonly { readonly value: string; readonly role: 'read' | 'write' }[];
}

/** Who a request comes from. */
export interface Session {
  readonly name: string;
  readonly orgs: readonly string[];
  readonly role: 'read' | 'write';
}

/** Finds the session of an `Authorization` header: undefined without one, 401 for a token nobody has. */
export type Authenticate = (authorization: string | undefined) => Session | undefined;

// Looking tokens up by their hash keeps the time of a look-up independent of the token.
const digest = (token: string): string => createHash('sha256').update(token).digest('hex');

/** Checks users once and returns the look-up; throws `LocalHubError` for what no client could use. */
export function authenticator(users: readonly LocalHubUser[]): Authenticate {
  const sessions = new Map<string, Session>();
  for (const { name, orgs = [], tokens } of users) {
    if (!isName(name)) throw new LocalHubError('input', `user '${name}': expected a name of A-Z a-z 0-9 . _ -`);
    for (const { value, role } of tokens) {
      if (!value.startsWith('hf_')) throw new LocalHubError('input', `a token of '${name}': must start with hf_`);
      sessions.set(digest(value), { name, orgs, role });
    }
  }
  return (authorization) => {
    if (authorization === undefined) return undefined;
    const session = sessions.get(digest(/^Bearer\s+(\S+)$/i.exec(authorization)?.[1] ?? ''));
    if (!session) throw unauthorized();
    return session;
  };
}

/** Reads a users file: JSON `[{name, tokens: [{value, role: read or write}]}]`. */
export async function readUsers(path: string): Promise<LocalHubUser[]> {
  const wrong = (why: string): LocalHubError =>
    new LocalHubError('input', `${path}: expected [{name, tokens: [{value, role: read or write}]}], ${why}`);
  const text = await readFile(path, 'utf8').catch((cause: Error) => {
    throw new LocalHubError('input', `${path}: cannot be read (${(cause as NodeJS.ErrnoException).code})`);
  });
  let users: unknown;
  try {
    users = JSON.parse(text);
  } catch {
    throw wrong('got text that is not JSON');
  }
  if (!Array.isArray(users) || !users.every(isUser)) throw wrong('got JSON of another form');
  return users;
}

function isUser(value: unknown): value is LocalHubUser {
  const user = value as Partial<LocalHubUser> | null;
  if (typeof user?.name !== 'string' || !Array.isArray(user.tokens)) return false;
  if (user.orgs !== undefined && !(Array.isArray(user.orgs) && user.orgs.every((org) => typeof org === 'string'))) {
    return false;
  }
  return user.tokens.every(
    (token) => typeof token?.value === 'string' && (token.role === 'read' || token.role === 'write'),
  );
}

/** 401 as the Hub words it, with the code that tells a hidden repository from a wrong token. */
export function unauthorized(code?: 'RepoNotFound'): Fault {
  const headers = { 'WWW-Authenticate': 'Bearer realm="Authentication required", charset="UTF-8"' };
  return new Fault(401, 'Invalid username or password.', code ? { headers, code } : { headers });
}

/** The session, or 401. */
export function demandSession(session: Session | undefined): Session {
  if (!session) throw unauthorized();
  return session;
}

const isMember = (session: Session | undefined, ns: string): boolean =>
  session !== undefined && [session.name, ...session.orgs].some((name) => name.toLowerCase() === ns.toLowerCase());

/** Whether a repository may be seen. */
export const canRead = (session: Session | undefined, repo: Repo): boolean =>
  !repo.private || isMember(session, namespaceOf(repo));

/** The repository if it may be read; a private one answers like a missing one. */
export function demandRead(session: Session | undefined, repo: Repo | undefined): Repo {
  if (repo && canRead(session, repo)) return repo;
  throw session ? noRepo() : unauthorized('RepoNotFound');
}

/** The session if it may write below a namespace; 401 without a token, 403 without the right. */
export function demandWrite(session: Session | undefined, ns: string): Session {
  const writer = demandSession(session);
  if (writer.role !== 'write') throw new Fault(403, `This token of ${writer.name} can read but not write`);
  if (!isMember(writer, ns)) throw new Fault(403, `${writer.name} has no write access to ${ns}`);
  return writer;
}
