/** Codes a client tells errors apart by (`X-Error-Code`). */
export type FaultCode = 'RepoNotFound' | 'RevisionNotFound' | 'EntryNotFound';

/** A refusal with its status; thrown by handlers and turned into a reply at one place. */
export class Fault extends Error {
  override readonly name = 'Fault';
  readonly status: number;
  readonly code: FaultCode | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;

  constructor(
    status: number,
    message: string,
    facts: { code?: FaultCode; headers?: Record<string, string>; body?: Record<string, unknown> } = {},
  ) {
    super(message);
    this.status = status;
    this.code = facts.code;
    this.headers = facts.headers ?? {};
    this.body = facts.body ?? {};
  }
}

/** 400 with the text as the answer's `error`. */
export const badRequest = (message: string): Fault => new Fault(400, message);

/** 404 for a revision that is no branch, tag or commit. */
export const noRevision = (revision: string): Fault =>
  new Fault(404, `Invalid rev id: ${revision}`, { code: 'RevisionNotFound' });

/** 404 for a path that a commit lacks; clients cache the absence under that commit. */
export const noEntry = (path: string, commit: string, message = 'Entry not found'): Fault =>
  new Fault(404, `${message}: ${path}`, { code: 'EntryNotFound', headers: { 'X-Repo-Commit': commit } });

/** 404 for a repository that is missing or hidden from the caller. */
export const noRepo = (): Fault => new Fault(404, 'Repository not found', { code: 'RepoNotFound' });
