import { readdirSync, statSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { RuntimeError } from '../errors.js';
import { downloadWheel } from './download.js';
import { type NeededLibrary, neededLibraries } from './libraries.js';
import { downloadByPip, pipNetwork, resolveWheel } from './pip.js';
import { runtimeFolder } from './runtime-folder.js';
import { unpackProvider } from './wheel.js';

/** Milliseconds between two words about the download. */
const TELL_EVERY = 2000;

/** How to get the CUDA provider. */
export interface InstallOptions {
  /** A wheel of `onnxruntime-gpu` that is there already; without one, `python3 -m pip` says where it is. */
  readonly wheel?: string;
  /** Where ONNX Runtime's library lies; found by itself where it is not given. */
  readonly folder?: string;
  /** Where a download is kept until it is whole; `neuroprune/` in the user's cache folder where it is not given. */
  readonly cache?: string;
  readonly signal?: AbortSignal;
  /** Told what is under way, a line at a time. */
  readonly onProgress?: (line: string) => void;
}

/** What was put in place. */
export interface Installed {
  readonly version: string;
  readonly files: readonly string[];
  /** CUDA's and cuDNN's libraries that the provider needs, and where they are. */
  readonly needed: readonly NeededLibrary[];
  /** Folders that `LD_LIBRARY_PATH` adds to the system's. */
  readonly searched: readonly string[];
}

/**
 * Puts the CUDA provider of exactly ONNX Runtime's version beside its library. Throws `RuntimeError` where this system has
 * none (`input`) or the download fails (`job`).
 */
export async function installCuda(options: InstallOptions = {}): Promise<Installed> {
  const { folder = runtimeFolder(), onProgress } = options;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    const got = `${process.platform}-${process.arch}`;
    throw new RuntimeError(`cuda: expected linux-x64, for which there is a provider, got ${got}`, 'input');
  }
  const version: string = createRequire(import.meta.url)('onnxruntime-node/package.json').version;
  const scratch = await mkdtemp(path.join(os.tmpdir(), 'neuroprune-cuda-'));
  try {
    const wheel = options.wheel ?? (await wheelFrom(version, scratch, options));
    onProgress?.(`unpacking ${path.basename(wheel)}`);
    const files = await unpackProvider(wheel, folder, version);
    if (path.dirname(wheel) === (options.cache ?? cacheFolder(process.env))) await rm(wheel, { force: true });
    const searched = (process.env.LD_LIBRARY_PATH ?? '').split(':').filter((part) => part !== '');
    return { version, files, needed: await neededLibraries(files[0] as string), searched };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/**
 * The wheel, as pip finds it by its own configuration of index, mirror and folders. What is downloaded stays in a cache
 * folder until it is whole, so that a call after one that was stopped goes on; pip downloads by itself, from the start,
 * where it cannot say what it would.
 */
async function wheelFrom(version: string, scratch: string, options: InstallOptions): Promise<string> {
  const { signal, onProgress, cache = cacheFolder(process.env) } = options;
  const pip = { scratch, ...(signal && { signal }), ...(onProgress && { onLine: onProgress }) };
  onProgress?.(`asking pip for onnxruntime-gpu ${version}`);
  const source = await resolveWheel(version, pip);
  if (source?.url.startsWith('file:')) return fileURLToPath(source.url);
  const told = { ...(signal && { signal }), ...(onProgress && { onProgress }) };
  const got =
    source && (await downloadWheel(source, cache, { ...(await pipNetwork(pip)), ...told }).catch(unlessRefused));
  if (got !== undefined) return got;
  const watch = setInterval(() => tellSize(scratch, onProgress), TELL_EVERY);
  try {
    await downloadByPip(version, scratch, pip);
  } finally {
    clearInterval(watch);
  }
  const wheel = (await readdir(scratch)).find((name) => name.endsWith('.whl'));
  if (!wheel) throw new RuntimeError('cuda: expected a wheel from pip, got none; give one with --wheel FILE');
  return path.join(scratch, wheel);
}

/** An index that wants to know who asks has its own way of telling pip's user. */
function unlessRefused(error: unknown): undefined {
  if (!(error instanceof Error && /got HTTP 40[137]/.test(error.message))) throw error;
}

/** Where downloads are kept until they are whole. */
function cacheFolder(env: NodeJS.ProcessEnv): string {
  return path.join(env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache'), 'neuroprune');
}

/** What pip has of the wheel so far, its largest file; its own bar is for terminals only. */
function tellSize(folder: string, onProgress: InstallOptions['onProgress']): void {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const sizes = files.map((name) => statSync(path.join(folder, name), { throwIfNoEntry: false })?.size ?? 0);
  const bytes = Math.max(0, ...sizes);
  onProgress?.(`${Math.round(bytes / 1e6)} MB so far`);
}
