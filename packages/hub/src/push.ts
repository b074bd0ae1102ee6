import { readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { commit, createBranch, createRepo, repoExists } from '@huggingface/hub';
import { HubError } from './errors.js';
import type { HubRun } from './events.js';
import { type HubOptions, hubOptions } from './hub-options.js';
import { pageOf, type RepoId, type RepoType, repoId, titleOf } from './repo.js';
import { requester } from './request.js';
import { checkPath } from './safe-path.js';

/** Where and how a folder is published. */
export interface PushRequest extends HubRun {
  readonly type?: RepoType; // model by default
  readonly message?: string;
  readonly description?: string;
  readonly branch?: string; // main by default; made where it is missing
  readonly createPr?: boolean; // open a pull request instead of changing the branch
  readonly private?: boolean; // of a repository made by this push
  readonly parentCommit?: string; // refuse when the branch has moved on from it
  readonly options?: HubOptions;
}

/** What a push made. */
export interface Pushed {
  readonly repo: string;
  readonly commit: string;
  readonly url: string; // of the repository, or of the pull request
}

/**
 * Publishes all files of a folder as one commit, making the repository where it is missing.
 * Throws `HubError`: `input` without a token or with nothing to publish, `job` when the Hub refuses.
 */
export async function push(folder: string, name: string, request: PushRequest = {}): Promise<Pushed> {
  const options = request.options ?? hubOptions();
  const repo = repoId(request.type ?? 'model', name);
  if (!name.includes('/')) throw new HubError('input', `${titleOf(repo)}: expected ORG/NAME to publish to`);
  if (options.token === undefined) {
    throw new HubError('input', `${titleOf(repo)}: publishing needs a token; set HF_TOKEN to one with write access`);
  }
  const files = await publishable(folder);
  const client: Client = {
    repo,
    hubUrl: options.endpoint,
    accessToken: options.token,
    fetch: reporting(requester({ title: titleOf(repo), options, signal: request.signal }), name, request),
  };
  await ensureRepo(client, request);
  const made = await upload(folder, files, client, request);
  if (!made) throw new HubError('job', `${titleOf(repo)}: expected a commit from ${options.endpoint}, got none`);
  return { repo: name, commit: made.commit.oid, url: made.pullRequestUrl ?? pageOf(options.endpoint, repo) };
}

interface Client {
  readonly repo: RepoId;
  readonly hubUrl: string;
  readonly accessToken: string;
  readonly fetch: typeof fetch;
}

const neverPublished = /(^|\/)(\.git|\.DS_Store|[^/]+\.(tmp|incomplete))(\/|$)/;

/** Paths below a folder, sorted; links are not followed, so that nothing from elsewhere is published. */
async function publishable(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch((cause: unknown) => {
    throw new HubError('input', `${folder}: expected a folder to publish, found none`, { cause });
  });
  const files = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
  const paths = files.map((file) => file.split(sep).join('/')).filter((path) => !neverPublished.test(path));
  if (paths.length === 0) throw new HubError('input', `${folder}: expected files to publish, found none`);
  return paths.sort().map((path) => checkPath(path, folder));
}

async function ensureRepo(client: Client, request: PushRequest): Promise<void> {
  if (!(await exists(() => repoExists(client)))) {
    const visibility =
      request.private === undefined ? {} : { visibility: request.private ? ('private' as const) : ('public' as const) };
    await ignoring(409, createRepo({ ...client, ...visibility }));
  }
  if (request.branch !== undefined && request.branch !== 'main') {
    await ignoring(409, createBranch({ ...client, branch: request.branch }));
  }
}

/** Our requests throw where the client would see a 404. */
async function exists(ask: () => Promise<boolean>): Promise<boolean> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof HubError && error.status === 404) return false;
    throw error;
  }
}

async function ignoring(status: number, work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (!(error instanceof HubError) || error.status !== status) throw error;
  });
}

function upload(
  folder: string,
  files: readonly string[],
  client: Client,
  request: PushRequest,
): ReturnType<typeof commit> {
  return commit({
    ...client,
    title: request.message ?? 'Upload with NeuroPrune',
    // One operation a file: the client drops what lies deeper than five folders.
    operations: files.map((path) => ({ operation: 'addOrUpdate', path, content: pathToFileURL(join(folder, path)) })),
    useXet: false, // takes 300 MB of memory for a file of 60 MB
    ...(request.description !== undefined && { description: request.description }),
    ...(request.branch !== undefined && { branch: request.branch }),
    ...(request.parentCommit !== undefined && { parentCommit: request.parentCommit }),
    ...(request.createPr !== undefined && { isPullRequest: request.createPr }),
    ...(request.signal !== undefined && { abortSignal: request.signal }),
  });
}

const phases = [
  [/\/preupload\//, 'prepare'],
  [/\/objects\/batch$/, 'upload'],
  [/\/commit\//, 'commit'],
] as const;

/** Tells of the stages of a commit by its requests; the client itself reports nothing on Node. */
function reporting(request: typeof fetch, repo: string, { onEvent }: PushRequest): typeof fetch {
  return async (input, init) => {
    const { pathname } = new URL(String(input));
    const phase = phases.find(([pattern]) => pattern.test(pathname))?.[1];
    if (phase) onEvent?.({ type: 'push', repo, phase });
    const response = await request(input, init);
    // The client notes on each upload which file, and which of its parts, is sent.
    const { progressHint } = (init ?? {}) as { progressHint?: { path?: string; part?: number; numParts?: number } };
    const { path, part = 0, numParts = 1 } = progressHint ?? {};
    if (path !== undefined) onEvent?.({ type: 'upload', repo, path, part: part + 1, parts: numParts });
    return response;
  };
}
