import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EnvHttpProxyAgent, fetch, type Response } from 'undici';
import { RuntimeError } from '../errors.js';
import type { PipNetwork, WheelSource } from './pip.js';

/** How a wheel is downloaded. */
export interface DownloadOptions extends PipNetwork {
  readonly signal?: AbortSignal;
  /** Told how far it is, a line at a time. */
  readonly onProgress?: (line: string) => void;
  /** Milliseconds before a connection that broke is made anew, times how often it did. */
  readonly pause?: number;
}

/** Times that a connection may break without a byte in between. */
const ATTEMPTS = 5;
const PAUSE = 1000;
/** Milliseconds between two words about the download. */
const TELL_EVERY = 2000;

/**
 * Downloads a wheel into a folder, where what a call before this one had got of the same file is not asked for again; a
 * connection that breaks is made anew. Only a file with the stated digest gets its name. Throws `RuntimeError` (`job`)
 * otherwise, and what was downloaded stays for the next call, unless it is wrong.
 */
export async function downloadWheel(
  source: WheelSource,
  folder: string,
  options: DownloadOptions = {},
): Promise<string> {
  const { sha256 } = source;
  const url = new URL(source.url);
  const name = path.posix.basename(decodeURIComponent(url.pathname));
  const file = path.join(folder, name);
  if (!/^[\w.+-]+\.whl$/.test(name)) throw failure(`expected the URL of a wheel, got one of '${name}'`);
  await mkdir(folder, { recursive: true });
  // Files of the same name with other digests have nothing in common.
  const draft = `${file}.${sha256?.slice(0, 16) ?? 'unchecked'}.part`;
  await receive(url, draft, name, options);
  if (sha256 !== undefined) await checkDigest(draft, sha256, name);
  await rename(draft, file);
  return file;
}

async function receive(url: URL, draft: string, name: string, options: DownloadOptions): Promise<void> {
  const { signal, onProgress, pause = PAUSE } = options;
  const request = await requester(url, options);
  for (let failed = 0; ; ) {
    const before = await sizeOf(draft);
    try {
      if (await receiveRest(request, draft, name, options)) return;
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof RuntimeError) throw error;
      failed = (await sizeOf(draft)) > before ? 1 : failed + 1;
      const [why, at] = [messageOf(error), megabytes(await sizeOf(draft))];
      if (failed >= ATTEMPTS)
        throw failure(
          `expected all of ${name}, got ${at} MB: ${why}; try again to go on from there, or give --wheel FILE`,
        );
      onProgress?.(`${name}: the connection broke after ${at} MB (${why}); going on`);
      await sleep(pause * failed, undefined, { ...(signal && { signal }) });
    }
  }
}

type Requester = (from: number, signal?: AbortSignal) => Promise<Response>;

/** Requests of what comes after a byte; credentials in a URL go into the header that they stand for. */
async function requester(url: URL, { cert, proxy }: PipNetwork): Promise<Requester> {
  const { username, password } = url;
  const plain = new URL(url);
  plain.username = '';
  plain.password = '';
  const user = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const authorization = username ? { authorization: `Basic ${Buffer.from(user).toString('base64')}` } : {};
  const ca = cert === undefined ? undefined : await readFile(cert).catch(() => undefined);
  const trust = ca ? { connect: { ca }, requestTls: { ca }, proxyTls: { ca } } : {};
  const through = proxy === undefined ? {} : { httpProxy: proxy, httpsProxy: proxy };
  const local = ['localhost,127.0.0.1,[::1]', process.env.no_proxy ?? process.env.NO_PROXY].filter(Boolean).join(',');
  const dispatcher = new EnvHttpProxyAgent({ ...trust, ...through, noProxy: local });
  return (from, signal) =>
    fetch(plain, {
      dispatcher,
      headers: { ...authorization, ...(from > 0 && { range: `bytes=${from}-` }), 'accept-encoding': 'identity' },
      ...(signal && { signal }),
    });
}

/** Adds what is missing to a draft; false where there is something to try again. */
async function receiveRest(
  request: Requester,
  draft: string,
  name: string,
  { signal, onProgress }: DownloadOptions,
): Promise<boolean> {
  const have = await sizeOf(draft);
  const response = await request(have, signal);
  const { status, headers } = response;
  if (status === 416) {
    // There is no more of it, or it is another file now.
    await response.body?.cancel();
    const [, total] = /\/(\d+)$/.exec(headers.get('content-range') ?? '') ?? [];
    if (have === Number(total)) return true;
    await rm(draft, { force: true });
    return false;
  }
  if (status >= 500 || status === 408 || status === 429) throw new Error(`HTTP ${status}`);
  if (!response.ok || !response.body) throw failure(`expected ${name}, got HTTP ${status}; or give --wheel FILE`);
  const start = status === 206 ? Number(/^bytes (\d+)-/.exec(headers.get('content-range') ?? '')?.[1]) : 0;
  if (status === 206 && start !== have) throw new Error(`bytes from ${start} in place of those from ${have}`);
  const length = Number(headers.get('content-length') ?? Number.NaN);
  const total = start + length;
  if (start > 0) onProgress?.(`${name}: going on after ${megabytes(start)} MB`);
  const to = await open(draft, start > 0 ? 'a' : 'w');
  let [at, told] = [start, Date.now()];
  try {
    for await (const chunk of response.body) {
      await to.writeFile(chunk as Uint8Array);
      at += (chunk as Uint8Array).length;
      if (Date.now() - told < TELL_EVERY) continue;
      told = Date.now();
      onProgress?.(position(name, at, total));
    }
    await to.sync();
  } finally {
    await to.close();
  }
  if (Number.isFinite(total) && at !== total) throw new Error('the answer ended early');
  onProgress?.(position(name, at, total));
  return true;
}

const megabytes = (bytes: number): number => Math.round(bytes / 1e6);

const position = (name: string, at: number, total: number): string =>
  Number.isFinite(total)
    ? `${name}: ${megabytes(at)} of ${megabytes(total)} MB (${Math.floor((100 * at) / Math.max(1, total))} %)`
    : `${name}: ${megabytes(at)} MB`;

async function checkDigest(draft: string, expected: string, name: string): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(draft)) hash.update(chunk as Buffer);
  const got = hash.digest('hex');
  if (got === expected.toLowerCase()) return;
  await rm(draft, { force: true });
  throw failure(`expected ${name} with the digest ${expected}, got ${got}; it was removed, try again`);
}

const sizeOf = (file: string): Promise<number> =>
  stat(file).then(
    ({ size }) => size,
    () => 0,
  );

/** The cause says more than `fetch failed` and `terminated`. */
function messageOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined;
  return cause instanceof Error && cause.message
    ? cause.message
    : error instanceof Error
      ? error.message
      : String(error);
}

const failure = (message: string): RuntimeError => new RuntimeError(`cuda: ${message}`);
