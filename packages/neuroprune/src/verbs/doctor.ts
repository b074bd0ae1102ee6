import { execFile } from 'node:child_process';
import { access, constants, readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Installed, installCuda, type Probed, probe, runtimeFolder } from '@neuroprune/runtime';
import type { RunContext } from '../context.js';
import type { VerbOptions } from '../schema/verbs.js';
import { version } from '../version.js';

const require = createRequire(import.meta.url);

/** A provider of ONNX Runtime on this machine. */
export interface ProviderState {
  readonly name: string;
  readonly works: boolean;
  /** Why it does not, in words. */
  readonly cause?: string;
  /** The driver that computes on the cpu in the place of a GPU. */
  readonly software?: string;
  /** Whether the adapter of webgpu computes in float16. */
  readonly half?: boolean;
}

/** What `doctor` found. */
export interface Diagnosis {
  readonly neuroprune: string;
  readonly node: string;
  readonly platform: string;
  readonly onnxRuntime: {
    readonly version: string;
    readonly folder: string;
    /** What its library says of how it was built; absent where it says nothing. */
    readonly build?: string;
  };
  readonly providers: readonly ProviderState[];
  /** Names, memory (all, and free) and driver as the GPUs' own tool says them; empty where there is none. */
  readonly gpus: readonly string[];
  /** Cores this process may use. */
  readonly threads: number;
  /** Bytes. */
  readonly memory: number;
  /** Bytes that this process may still get. */
  readonly memoryAvailable: number;
  readonly hub: { readonly endpoint: string; readonly token: boolean; readonly offline: boolean };
  readonly cache: { readonly folder: string; readonly writable: boolean };
  /** What `--install-cuda` put in place. */
  readonly installed?: Installed;
}

/**
 * Looks at versions, providers, threads, Hub and cache. Each provider runs a tiny session in a process of its own. Only
 * `installCuda` touches the network, and only where no wheel is given.
 */
export async function run(options: VerbOptions<'doctor'>, context: RunContext): Promise<Diagnosis> {
  const { env, cwd } = context;
  const folder = path.resolve(cwd, cacheFolder(env));
  const installed = options.installCuda ? await install(options.wheel, context) : undefined;
  return {
    ...(installed ? { installed } : {}),
    neuroprune: version,
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    onnxRuntime: {
      version: require('onnxruntime-node/package.json').version,
      folder: runtimeFolder(),
      ...(await buildOf(runtimeFolder())),
    },
    providers: await providers(),
    gpus: await gpus(),
    threads: os.availableParallelism(),
    memory: os.totalmem(),
    memoryAvailable: process.availableMemory(),
    hub: {
      endpoint: env.HF_ENDPOINT || 'https://huggingface.co',
      token: Boolean(env.HF_TOKEN),
      offline: /^(1|on|yes|true)$/i.test(env.HF_HUB_OFFLINE ?? ''),
    },
    cache: { folder, writable: await writable(folder) },
  };
}

/** The diagnosis as one fact a line. */
export function format({ onnxRuntime, hub, cache, installed, ...rest }: Diagnosis): string {
  const rows: readonly (readonly [string, string])[] = [
    ...(installed ? installedRows(installed) : []),
    ['neuroprune', rest.neuroprune],
    ['node', `${rest.node} ${rest.platform}`],
    ['onnxruntime-node', `${onnxRuntime.version}, ${onnxRuntime.folder}`],
    ...(onnxRuntime.build === undefined ? [] : [['built as', onnxRuntime.build] as const]),
    ...rest.providers.map((provider) => [provider.name, stateOf(provider)] as const),
    ...rest.gpus.map((gpu) => ['gpu', gpu] as const),
    ['threads', String(rest.threads)],
    ['memory', `${gibibytes(rest.memory)}, ${gibibytes(rest.memoryAvailable)} available`],
    ['hub', `${hub.endpoint}, ${hub.token ? 'token set' : 'no token'}${hub.offline ? ', offline' : ''}`],
    ['cache', `${cache.folder}${cache.writable ? '' : ' (not writable)'}`],
  ];
  return rows.map(([name, fact]) => `${name.padEnd(17)} ${fact}`).join('\n');
}

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

function stateOf({ works, cause, software, half }: ProviderState): string {
  if (!works) return `does not work: ${cause}`;
  const where = software === undefined ? '' : ` without a GPU: ${software} computes on the cpu`;
  return `works${where}${half === false ? ', not in float16' : ''}`;
}

/** What ONNX Runtime's library says of its build, as it holds that in plain text. */
async function buildOf(folder: string): Promise<{ build?: string }> {
  const names = await readdir(folder).catch(() => []);
  const library = names.find((name) => /^(libonnxruntime\.|onnxruntime\.dll$)/.test(name));
  if (library === undefined) return {};
  const bytes = await readFile(path.join(folder, library));
  const at = bytes.indexOf('ORT Build Info: ');
  if (at < 0) return {};
  return { build: bytes.toString('latin1', at + 'ORT Build Info: '.length, bytes.indexOf(0, at)) };
}

function installedRows({ files, needed, searched }: Installed): (readonly [string, string])[] {
  const missing = needed.filter((library) => library.path === undefined).map(({ name }) => name);
  const where = ['the system', ...searched.map((folder) => `${folder} (LD_LIBRARY_PATH)`)].join(', ');
  return [
    ...files.map((file) => ['installed', file] as const),
    ...needed.flatMap((library) => (library.path ? [['needs', `${library.name}, ${library.path}`] as const] : [])),
    ...(missing.length > 0 ? [['missing', `${missing.join(', ')}; looked in ${where}`] as const] : []),
  ];
}

/** Puts the CUDA provider in place; a wheel's path is relative to the caller's folder. */
function install(wheel: string | undefined, { cwd, signal, onEvent }: RunContext): Promise<Installed> {
  return installCuda({
    ...(wheel === undefined ? {} : { wheel: path.resolve(cwd, wheel) }),
    signal,
    onProgress: (message) => onEvent({ type: 'note', message }),
  });
}

const probed = ['cpu', 'cuda', 'webgpu'] as const satisfies readonly Probed[];

async function providers(): Promise<ProviderState[]> {
  const found = await Promise.all(probed.map((device) => probe(device)));
  return found.map(({ device, works, cause, software, half }) => ({
    name: device,
    works,
    ...(cause === undefined ? {} : { cause }),
    ...(software === undefined ? {} : { software }),
    ...(half === undefined ? {} : { half }),
  }));
}

/** One line a GPU, from NVIDIA's tool where it is there. */
async function gpus(): Promise<string[]> {
  const query = ['--query-gpu=name,memory.total,memory.free,driver_version', '--format=csv,noheader'];
  const run = promisify(execFile)('nvidia-smi', query, { timeout: 10_000 });
  const text = await run.then(({ stdout }) => stdout).catch(() => '');
  return text.split('\n').filter((line) => line.trim() !== '');
}

/** The Hub's standard cache folder: HF_HUB_CACHE, HF_HOME/hub, or huggingface/hub in the user's cache folder. */
function cacheFolder(env: RunContext['env']): string {
  const caches = env.XDG_CACHE_HOME || path.join(os.homedir(), '.cache');
  return env.HF_HUB_CACHE || path.join(env.HF_HOME || path.join(caches, 'huggingface'), 'hub');
}

/** Whether the folder, or the nearest one above it that exists, can be written. */
async function writable(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.W_OK);
    return true;
  } catch (error) {
    const parent = path.dirname(folder);
    return (error as NodeJS.ErrnoException).code === 'ENOENT' && parent !== folder && writable(parent);
  }
}
