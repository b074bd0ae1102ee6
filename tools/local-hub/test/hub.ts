import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type LocalHub, type LocalHubOptions, startLocalHub } from '../src/index.js';

export const WRITE = 'hf_write';
export const READ = 'hf_read';
export const OTHER = 'hf_other';

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'np-local-hub-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface Client extends LocalHub {
  /** A request with the write token unless told otherwise; redirects are not followed. */
  ask(
    method: string,
    path: string,
    body?: unknown,
    init?: { token?: string | null; headers?: Record<string, string> },
  ): Promise<Response>;
  /** A commit on main of local/m; files are texts, null deletes. */
  commit(files: Record<string, string | null>, header?: object, query?: string): Promise<Response>;
}

/** A local Hub that ends with the test. */
export async function start(options: Partial<LocalHubOptions> = {}): Promise<Client> {
  const users = [
    { name: 'reader', orgs: ['local'], tokens: [{ value: READ, role: 'read' as const }] },
    { name: 'other', tokens: [{ value: OTHER, role: 'write' as const }] },
  ];
  const hub = await startLocalHub({ root: await temporaryFolder(), token: WRITE, users, ...options });
  onTestFinished(() => hub.close());
  const ask: Client['ask'] = (method, path, body, { token = WRITE, headers = {} } = {}) =>
    fetch(path.startsWith('http') ? path : `${hub.url}${path}`, {
      method,
      redirect: 'manual',
      headers: { ...(token !== null && { Authorization: `Bearer ${token}` }), ...headers },
      ...(body !== undefined && {
        body: typeof body === 'string' || body instanceof Uint8Array ? body : JSON.stringify(body),
      }),
    });
  const commit: Client['commit'] = (files, header = {}, query = '') => {
    const operations = Object.entries(files).map(([path, text]) =>
      text === null
        ? { key: 'deletedFile', value: { path } }
        : { key: 'file', value: { path, content: Buffer.from(text).toString('base64'), encoding: 'base64' } },
    );
    return ask(
      'POST',
      `/api/models/local/m/commit/main${query}`,
      ndjson({ summary: 'test', ...header }, ...operations),
    );
  };
  return { ...hub, ask, commit };
}

/** A local Hub with the empty model local/m. */
export async function startWithModel(options: Partial<LocalHubOptions> = {}): Promise<Client> {
  const client = await start(options);
  await client.ask('POST', '/api/repos/create', { name: 'm', organization: 'local', type: 'model' });
  return client;
}

export const ndjson = (header: object, ...operations: object[]): string =>
  [{ key: 'header', value: header }, ...operations].map((line) => JSON.stringify(line)).join('\n');

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** The commit ids of a model's history, newest first. */
export async function history({ ask }: Client, revision = 'main', repo = 'local/m'): Promise<string[]> {
  const commits = (await (await ask('GET', `/api/models/${repo}/commits/${revision}`)).json()) as { id: string }[];
  return commits.map(({ id }) => id);
}
