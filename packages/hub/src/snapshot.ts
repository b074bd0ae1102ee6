import { readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { datasetInfo, listFiles, modelInfo } from '@huggingface/hub';
import { isCommit, RemoteFile, RepoCache } from './cache.js';
import { download } from './download.js';
import { each } from './each.js';
import { HubError } from './errors.js';
import type { HubRun } from './events.js';
import { matches } from './glob.js';
import { type HubOptions, hubOptions } from './hub-options.js';
import { localFolder, pageOf, type RepoId, type RepoType, repoId, titleOf } from './repo.js';
import { requester, type Subject } from './request.js';
import { checkPath, escapePath } from './safe-path.js';

const MAX_FILES = 100_000;
const PARALLEL = 4;

/** What to fetch of a repository. */
export interface SnapshotRequest extends HubRun {
  readonly type?: RepoType; // model by default
  readonly revision?: string; // branch, tag or commit; main by default
  readonly patterns?: readonly string[]; // `*.json`, `onnx/*`, `!*.bin`; everything by default
  readonly options?: HubOptions; // of the environment by default
}

/** A repository's files on this machine. */
export interface Snapshot {
  readonly folder: string;
  readonly commit: string | null; // null for a folder that is no snapshot
  readonly files: readonly string[]; // all paths of the repository, fetched or not
}

/**
 * Fetches a repository into the cache shared with the Hub's other clients, or passes a local folder through.
 * Sizes and hashes are checked; a revision is noted only when all its wanted files are there.
 * Throws `HubError`: `input` for an unknown repository, revision or unsafe file name, `job` for network and disk.
 */
export async function snapshot(id: string, request: SnapshotRequest = {}): Promise<Snapshot> {
  const folder = await localFolder(id);
  if (folder !== undefined) return { folder, commit: null, files: await filesBelow(folder) };
  const options = request.options ?? hubOptions();
  const repo = repoId(request.type ?? 'model', id);
  const revision = checkPath(request.revision ?? 'main', titleOf(repo));
  const cache = new RepoCache(options.cacheDir, repo);
  return options.offline ? cached(repo, revision, cache, request) : fetched(repo, revision, cache, request, options);
}

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() || entry.isSymbolicLink());
  return files.map((entry) => relative(folder, join(entry.parentPath, entry.name)).split(sep).join('/')).sort();
}

async function cached(repo: RepoId, revision: string, cache: RepoCache, request: SnapshotRequest): Promise<Snapshot> {
  const commit = await cache.commitOf(revision);
  const missing = (what: string): HubError =>
    new HubError(
      'job',
      `${titleOf(repo)}: ${what} is not in the cache (${cache.folder}); unset HF_HUB_OFFLINE to fetch it`,
    );
  if (commit === undefined) throw missing(`revision ${revision}`);
  const folder = cache.snapshot(commit);
  const listing = await cache.listing(commit);
  if (listing === undefined) {
    // Made by another client, which keeps no list: what is there is all we know.
    const files = await filesBelow(folder).catch(() => []);
    if (files.length === 0) throw missing(`revision ${revision}`);
    return { folder, commit, files };
  }
  for (const file of wanted(listing, request)) if (!(await cache.has(commit, file))) throw missing(file.path);
  return { folder, commit, files: listing.map((file) => file.path) };
}

async function fetched(
  repo: RepoId,
  revision: string,
  cache: RepoCache,
  request: SnapshotRequest,
  options: HubOptions,
): Promise<Snapshot> {
  const subject: Subject = { title: titleOf(repo), options, signal: request.signal };
  const commit = isCommit(revision) ? revision : await commitOf(repo, revision, subject);
  const listing = (await cache.listing(commit)) ?? (await list(repo, commit, subject));
  await cache.saveListing(commit, listing);
  const files = wanted(listing, request);
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  request.onEvent?.({ type: 'snapshot', repo: repo.name, commit, files: files.length, bytes });
  await each(files, PARALLEL, request.signal, (file, signal) =>
    fetchFile(repo, commit, file, cache, { ...subject, signal }, request),
  );
  await cache.saveRef(revision, commit);
  return { folder: cache.snapshot(commit), commit, files: listing.map((file) => file.path) };
}

const wanted = (listing: readonly RemoteFile[], { patterns }: SnapshotRequest): RemoteFile[] =>
  listing.filter((file) => matches(file.path, patterns));

const clientOptions = ({ options }: Subject, request: typeof fetch) => ({
  hubUrl: options.endpoint,
  fetch: request,
  ...(options.token !== undefined && { accessToken: options.token }),
});

async function commitOf(repo: RepoId, revision: string, subject: Subject): Promise<string> {
  const params = { ...clientOptions(subject, requester(subject)), name: repo.name, revision };
  const { sha } =
    repo.type === 'model'
      ? await modelInfo({ ...params, additionalFields: ['sha'] })
      : await datasetInfo({ ...params, additionalFields: ['sha'] });
  if (isCommit(String(sha))) return String(sha);
  throw new HubError(
    'job',
    `${subject.title}: expected a commit id from ${subject.options.endpoint}, got something else`,
  );
}

async function list(repo: RepoId, commit: string, subject: Subject): Promise<RemoteFile[]> {
  const files: RemoteFile[] = [];
  const params = { ...clientOptions(subject, requester(subject)), repo, revision: commit, recursive: true };
  for await (const entry of listFiles(params)) {
    if (entry.type !== 'file') continue;
    const file = { path: checkPath(entry.path, subject.title), size: entry.size, hash: entry.lfs?.oid ?? entry.oid };
    files.push(parseFile(file, subject));
    if (files.length > MAX_FILES) throw new HubError('input', `${subject.title}: more than ${MAX_FILES} files`);
  }
  return files;
}

function parseFile(file: unknown, subject: Subject): RemoteFile {
  const parsed = RemoteFile.safeParse(file);
  if (parsed.success) return parsed.data;
  throw new HubError(
    'job',
    `${subject.title}: expected size and hash of each file in the list from ${subject.options.endpoint}`,
  );
}

async function fetchFile(
  repo: RepoId,
  commit: string,
  file: RemoteFile,
  cache: RepoCache,
  subject: Subject,
  { onEvent }: SnapshotRequest,
): Promise<void> {
  if (await cache.has(commit, file)) return;
  if (!(await cache.hasBlob(file))) {
    const { endpoint, token } = subject.options;
    await download({
      // Through the client library each file costs two requests, and names with # ? % cannot be fetched.
      url: `${pageOf(endpoint, repo)}/resolve/${commit}/${escapePath(file.path)}`,
      file,
      to: cache.blob(file),
      where: `${subject.title}, ${file.path}`,
      headers: token === undefined ? {} : { Authorization: `Bearer ${token}` },
      request: requester(subject),
      onBytes: (bytes) => onEvent?.({ type: 'download', repo: repo.name, path: file.path, bytes, size: file.size }),
    });
  }
  await cache.link(commit, file);
}
