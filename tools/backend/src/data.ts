import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { zipEntries } from './zip.js';

/** The release of the PyPI package `onnx` whose tests are run. */
export const ONNX_VERSION = '1.20.1';

/** The kinds of tests that are run; `real` and `light` need downloads. */
export const kinds = ['node', 'simple', 'pytorch-operator', 'pytorch-converted'] as const;

/** SHA-256 over the lines `<SHA-256 of the file>  <path>` of all files of these kinds, by path. */
const DIGEST = 'bfedfd54eed57de5ced5c4834bcf6c12f5e22c8a0cc9a6e2e913c9ef8077ce8d';

/** Root of the repository. */
export const root = path.resolve(fileURLToPath(import.meta.url), '../../../..');

/** Where the tests lie once they are there: `<folder>/<kind>/<test>/…`. */
export const dataFolder = path.join(root, 'node_modules/.cache/onnx-backend', ONNX_VERSION);

const IN_WHEEL = 'onnx/backend/test/data/';
const SAFE = new RegExp(`^(?:${kinds.join('|')})(?:/[\\w+-][\\w.+-]*)+$`);

/** The tests' files in a wheel by their path below `dataFolder`; throws on a name that could leave it. */
export function testFiles(wheel: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const { name, read } of zipEntries(wheel)) {
    const file = name.slice(IN_WHEEL.length);
    if (!name.startsWith(IN_WHEEL) || name.endsWith('/') || !kinds.some((kind) => file.startsWith(`${kind}/`)))
      continue;
    if (!SAFE.test(file)) throw new Error(`onnx wheel: expected plain file names, got '${name}'`);
    files.set(file, read());
  }
  return files;
}

/** One number for names and contents of all files. */
export function digestOf(files: ReadonlyMap<string, Uint8Array>): string {
  const all = createHash('sha256');
  for (const file of [...files.keys()].sort()) {
    const one = createHash('sha256').update(files.get(file) as Uint8Array);
    all.update(`${one.digest('hex')}  ${file}\n`);
  }
  return all.digest('hex');
}

/** The wheel as pip brings it, from wherever pip is configured to look. */
async function download(): Promise<Buffer> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'onnx-wheel-'));
  const pip = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--only-binary=:all:'];
  try {
    await promisify(execFile)('python3', [...pip, '--python-version', '3.12', '-d', folder, `onnx==${ONNX_VERSION}`], {
      timeout: 300_000,
    });
    const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
    if (!wheel) throw new Error('pip left no wheel');
    return await readFile(path.join(folder, wheel));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Writes all files or none: the folder appears under its name once it is whole. */
async function unpack(files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  const partial = `${dataFolder}.${randomUUID()}`;
  try {
    for (const [file, bytes] of files) {
      const target = path.join(partial, file);
      await mkdir(path.dirname(target), { recursive: true });
      await writeFile(target, bytes);
    }
    await rename(partial, dataFolder).catch((cause: NodeJS.ErrnoException) => {
      // Another process was quicker; both have checked the same digest.
      if (!existsSync(dataFolder)) throw cause;
    });
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Brings the tests to `dataFolder` unless they are there. Throws when pip cannot or the files are not the known ones. */
export async function fetchData(): Promise<void> {
  if (existsSync(dataFolder)) return;
  const files = testFiles(await download());
  const digest = digestOf(files);
  if (digest !== DIGEST) {
    throw new Error(
      `onnx ${ONNX_VERSION}: expected test data with SHA-256 ${DIGEST}, got ${digest} (${files.size} files)`,
    );
  }
  await unpack(files);
}

/** Why the tests cannot be run here, undefined when they can: fetches them if need be. */
export async function missingData(): Promise<string | undefined> {
  try {
    await fetchData();
    return undefined;
  } catch (cause) {
    const { stderr, message, code } = cause as Error & { stderr?: string; code?: unknown };
    if (code === 'ENOENT') return 'no python3';
    if (stderr === undefined) throw cause;
    return `pip cannot download onnx==${ONNX_VERSION}: ${(stderr.trim() || message).split('\n').at(-1)}`;
  }
}
