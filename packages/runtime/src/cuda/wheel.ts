import { createHash } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import yauzl from 'yauzl';
import { RuntimeError } from '../errors.js';

/** What ONNX Runtime loads for CUDA, in the order in which it is put in place: the bridge comes last. */
const LIBRARIES = ['libonnxruntime_providers_cuda.so', 'libonnxruntime_providers_shared.so'] as const;
const FOLDER = 'onnxruntime/capi/';
const RECORD = /^onnxruntime_gpu-(?<version>[\w.+]+)\.dist-info\/RECORD$/;

type Archive = { readonly zip: yauzl.ZipFile; readonly entries: readonly yauzl.Entry[] };

/**
 * Takes the CUDA provider's libraries out of a wheel of `onnxruntime-gpu`, checks them against the digests in the wheel's
 * RECORD, and puts each into the folder in one step. Throws `RuntimeError` (`input`) where the wheel is of another version.
 */
export async function unpackProvider(wheel: string, folder: string, version: string): Promise<string[]> {
  const archive = await openWheel(wheel);
  try {
    const digests = await recordOf(archive, wheel, version);
    const files: string[] = [];
    for (const name of LIBRARIES) files.push(await putInPlace(archive, name, digests, folder, wheel));
    return files;
  } finally {
    archive.zip.close();
  }
}

function openWheel(wheel: string): Promise<Archive> {
  const refuse = (cause: unknown) =>
    new RuntimeError(
      `wheel '${wheel}': expected a wheel of onnxruntime-gpu, got ${(cause as Error).message}`,
      'input',
      { cause },
    );
  return new Promise((resolve, reject) => {
    yauzl.open(wheel, { lazyEntries: false, autoClose: false }, (error, zip) => {
      if (error) return reject(refuse(error));
      const entries: yauzl.Entry[] = [];
      zip.on('entry', (entry: yauzl.Entry) => entries.push(entry));
      zip.on('error', (cause) => reject(refuse(cause)));
      zip.on('end', () => resolve({ zip, entries }));
    });
  });
}

function read({ zip }: Archive, entry: yauzl.Entry): Promise<Readable> {
  return new Promise((resolve, reject) => {
    zip.openReadStream(entry, (error, stream) => (error ? reject(error) : resolve(stream)));
  });
}

/** Digests by path, as RECORD has them: sha256, base64 for URLs, without padding (PEP 376, PEP 427). */
async function recordOf(archive: Archive, wheel: string, version: string): Promise<Map<string, string>> {
  const entry = archive.entries.find(({ fileName }) => RECORD.test(fileName));
  const got = RECORD.exec(entry?.fileName ?? '')?.groups?.version;
  if (!entry || got !== version) {
    throw new RuntimeError(
      `wheel '${wheel}': expected onnxruntime-gpu ${version}, as onnxruntime-node is, got ${got ?? 'another package'}`,
      'input',
    );
  }
  const lines = (await text(await read(archive, entry))).split('\n');
  return new Map(
    lines.flatMap((line) => {
      const [, name, digest] = /^"?([^",]+)"?,sha256=([\w-]+),/.exec(line) ?? [];
      return name && digest ? [[name, digest] as const] : [];
    }),
  );
}

async function putInPlace(
  archive: Archive,
  name: string,
  digests: ReadonlyMap<string, string>,
  folder: string,
  wheel: string,
): Promise<string> {
  const entry = archive.entries.find(({ fileName }) => fileName === FOLDER + name);
  const expected = digests.get(FOLDER + name);
  if (!entry || !expected) throw new RuntimeError(`wheel '${wheel}': expected ${FOLDER + name}, got none`, 'input');
  const target = path.join(folder, name);
  const draft = `${target}.${process.pid}.part`;
  try {
    const got = await copy(await read(archive, entry), draft);
    if (got !== expected)
      throw new RuntimeError(`wheel '${wheel}': expected ${name} with the digest ${expected}, got ${got}`, 'input');
    await rename(draft, target);
  } finally {
    await rm(draft, { force: true });
  }
  return target;
}

/** Writes a stream to a file for good; returns its digest. */
async function copy(from: Readable, file: string): Promise<string> {
  const hash = createHash('sha256');
  const to = await open(file, 'w');
  try {
    for await (const chunk of from) {
      hash.update(chunk);
      await to.writeFile(chunk);
    }
    await to.sync();
  } finally {
    await to.close();
  }
  return hash.digest('base64url');
}
