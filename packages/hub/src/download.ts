import { createHash, type Hash, randomUUID } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { RemoteFile } from './cache.js';
import { HubError } from './errors.js';

/** A file to fetch, and how its errors name it. */
export interface Download {
  readonly url: string;
  readonly file: RemoteFile;
  readonly to: string;
  readonly where: string; // 'model org/name, model.safetensors'
  readonly headers: Readonly<Record<string, string>>;
  readonly request: typeof fetch;
  readonly onBytes: (bytes: number) => void;
}

/** Fetches a file, checks size and hash, and only then gives it its name; a failure leaves nothing behind. */
export async function download(work: Download): Promise<void> {
  const response = await work.request(work.url, { headers: work.headers });
  const temporary = `${work.to}.${randomUUID()}.incomplete`;
  await mkdir(dirname(work.to), { recursive: true });
  try {
    const hash = await receive(work, response, temporary);
    if (hash !== work.file.hash) throw damaged(work, `${kindOf(work.file)} ${work.file.hash}, got ${hash}`);
    await rename(temporary, work.to);
  } finally {
    await rm(temporary, { force: true });
  }
}

async function receive(work: Download, response: Response, path: string): Promise<string> {
  const { size } = work.file;
  const hash = hasher(work.file);
  const file = await open(path, 'wx');
  let bytes = 0;
  try {
    for await (const chunk of body(work, response)) {
      bytes += chunk.length;
      if (bytes > size) throw damaged(work, `${size} bytes, got more`);
      hash.update(chunk);
      await file.writeFile(chunk);
      work.onBytes(bytes);
    }
    await file.sync();
  } finally {
    await file.close();
  }
  if (bytes !== size) throw damaged(work, `${size} bytes, got ${bytes}`);
  return hash.digest('hex');
}

/** The chunks of an answer; a connection that breaks off becomes our own error. */
async function* body(work: Download, response: Response): AsyncIterable<Uint8Array> {
  if (response.body === null) return;
  const reader = response.body.getReader();
  try {
    for (;;) {
      const next = await reader.read().catch((cause: unknown) => {
        if ((cause as Error)?.name === 'AbortError') throw cause;
        throw new HubError('job', `${work.where}: the connection broke off; try again`, { cause });
      });
      if (next.done) return;
      yield next.value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

const kindOf = ({ hash }: RemoteFile): string => (hash.length === 64 ? 'sha256' : 'git sha1');

/** Large files go by their sha256, others by git's `sha1("blob " + size + "\0" + bytes)`. */
const hasher = (file: RemoteFile): Hash =>
  file.hash.length === 64 ? createHash('sha256') : createHash('sha1').update(`blob ${file.size}\0`);

const damaged = (work: Download, expected: string): HubError =>
  new HubError('job', `${work.where}: expected ${expected}; the download is damaged, try again`);
