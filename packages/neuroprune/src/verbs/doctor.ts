import { access, constants } from 'node:fs/promises';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import type { RunContext } from '../context.js';
import type { VerbOptions } from '../schema/verbs.js';
import { version } from '../version.js';

const require = createRequire(import.meta.url);

/** A provider of ONNX Runtime on this machine. */
export interface Backend {
  readonly name: string;
  /** Whether the runtime's package carries its library. */
  readonly bundled: boolean;
}

/** What `doctor` found. */
export interface Diagnosis {
  readonly neuroprune: string;
  readonly node: string;
  readonly platform: string;
  readonly onnxRuntime: { readonly version: string; readonly backends: readonly Backend[]; readonly error?: string };
  /** Cores this process may use. */
  readonly threads: number;
  /** Bytes. */
  readonly memory: number;
  readonly hub: { readonly endpoint: string; readonly token: boolean; readonly offline: boolean };
  readonly cache: { readonly folder: string; readonly writable: boolean };
}

/** Looks at versions, providers, threads, Hub and cache; touches no network. */
export async function run(_options: VerbOptions<'doctor'>, { env, cwd }: RunContext): Promise<Diagnosis> {
  const folder = path.resolve(cwd, cacheFolder(env));
  return {
    neuroprune: version,
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    onnxRuntime: { version: require('onnxruntime-node/package.json').version, ...(await backends()) },
    threads: os.availableParallelism(),
    memory: os.totalmem(),
    hub: {
      endpoint: env.HF_ENDPOINT || 'https://huggingface.co',
      token: Boolean(env.HF_TOKEN),
      offline: /^(1|on|yes|true)$/i.test(env.HF_HUB_OFFLINE ?? ''),
    },
    cache: { folder, writable: await writable(folder) },
  };
}

/** The diagnosis as one fact a line. */
export function format({ onnxRuntime, hub, cache, ...rest }: Diagnosis): string {
  const names = onnxRuntime.backends.map(({ name, bundled }) => (bundled ? name : `${name} (library not bundled)`));
  const rows: readonly (readonly [string, string])[] = [
    ['neuroprune', rest.neuroprune],
    ['node', `${rest.node} ${rest.platform}`],
    [
      'onnxruntime-node',
      onnxRuntime.error ? `${onnxRuntime.version}, not usable: ${onnxRuntime.error}` : onnxRuntime.version,
    ],
    ['providers', names.join(', ') || 'none'],
    ['threads', String(rest.threads)],
    ['memory', `${(rest.memory / 2 ** 30).toFixed(1)} GiB`],
    ['hub', `${hub.endpoint}, ${hub.token ? 'token set' : 'no token'}${hub.offline ? ', offline' : ''}`],
    ['cache', `${cache.folder}${cache.writable ? '' : ' (not writable)'}`],
  ];
  return rows.map(([name, fact]) => `${name.padEnd(17)} ${fact}`).join('\n');
}

async function backends(): Promise<{ backends: readonly Backend[]; error?: string }> {
  try {
    const { listSupportedBackends } = await import('onnxruntime-node');
    return { backends: listSupportedBackends() };
  } catch (error) {
    return { backends: [], error: error instanceof Error ? error.message : String(error) };
  }
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
