import { spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { RuntimeError } from '../errors.js';
import { type NeededLibrary, neededLibraries } from './libraries.js';
import { runtimeFolder } from './runtime-folder.js';
import { unpackProvider } from './wheel.js';

/** Milliseconds between two words about the download. */
const TELL_EVERY = 2000;

/** How to get the CUDA provider. */
export interface InstallOptions {
  /** A wheel of `onnxruntime-gpu` that is there already; without one, `python3 -m pip` downloads it. */
  readonly wheel?: string;
  /** Where ONNX Runtime's library lies; found by itself where it is not given. */
  readonly folder?: string;
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
    const wheel = options.wheel ?? (await download(version, scratch, options));
    onProgress?.(`unpacking ${path.basename(wheel)}`);
    const files = await unpackProvider(wheel, folder, version);
    const searched = (process.env.LD_LIBRARY_PATH ?? '').split(':').filter((part) => part !== '');
    return { version, files, needed: await neededLibraries(files[0] as string), searched };
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** pip has its own configuration of index, mirror and proxy, checks the digest that the index states, and goes on with what its cache has. */
async function download(version: string, folder: string, { signal, onProgress }: InstallOptions): Promise<string> {
  const want = ['--no-deps', '--only-binary=:all:', '--python-version', '3.12', '--progress-bar', 'off'];
  const platforms = ['--platform', 'manylinux_2_28_x86_64', '--platform', 'manylinux_2_27_x86_64'];
  const args = ['-m', 'pip', 'download', ...want, ...platforms, '--dest', folder, `onnxruntime-gpu==${version}`];
  const watch = setInterval(() => tellSize(folder, onProgress), TELL_EVERY);
  try {
    await run('python3', args, folder, { ...(signal ? { signal } : {}), ...(onProgress ? { onProgress } : {}) });
  } finally {
    clearInterval(watch);
  }
  const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
  if (!wheel) throw new RuntimeError('cuda: expected a wheel from pip, got none; give one with --wheel FILE');
  return path.join(folder, wheel);
}

type RunOptions = Pick<InstallOptions, 'signal' | 'onProgress'>;

/** What pip has of the wheel so far, its largest file; its own bar is for terminals only. */
function tellSize(folder: string, onProgress: InstallOptions['onProgress']): void {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const sizes = files.map((name) => statSync(path.join(folder, name), { throwIfNoEntry: false })?.size ?? 0);
  const bytes = Math.max(0, ...sizes);
  onProgress?.(`${Math.round(bytes / 1e6)} MB so far`);
}

function run(
  program: string,
  args: readonly string[],
  scratch: string,
  { signal, onProgress }: RunOptions,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, TMPDIR: scratch };
    const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'], ...(signal ? { signal } : {}) });
    let last = '';
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        last = line || last;
        onProgress?.(line);
      });
    }
    const fail = (got: string) =>
      reject(new RuntimeError(`cuda: expected pip to download onnxruntime-gpu, got: ${got}; or give --wheel FILE`));
    child.on('error', (error) => (signal?.aborted ? reject(signal.reason) : fail(error.message)));
    child.on('close', (code) => (code === 0 ? resolve() : fail(last)));
  });
}
