import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { RuntimeError } from '../errors.js';

/** How pip is run. */
export interface PipOptions {
  readonly signal?: AbortSignal;
  /** Told what pip says on the way, a line at a time; what it answers with apart. */
  readonly onLine?: (line: string) => void;
  /** Folder for what pip writes before it is done. */
  readonly scratch?: string;
}

/** Where a wheel is, as pip resolved it by its own configuration of indexes, mirrors and folders. */
export interface WheelSource {
  readonly url: string;
  /** SHA-256 in hexadecimal digits, where the index states one. */
  readonly sha256?: string;
}

/** What pip itself trusts and goes through; Node.js has other defaults. */
export interface PipNetwork {
  /** File of certificates. */
  readonly cert?: string;
  readonly proxy?: string;
}

/** The wheels that fit ONNX Runtime's library: any CPython's will do, for only its libraries are used. */
const wanted = (version: string): string[] => [
  ...['--no-deps', '--only-binary=:all:', '--python-version', '3.12'],
  ...['--platform', 'manylinux_2_28_x86_64', '--platform', 'manylinux_2_27_x86_64'],
  `onnxruntime-gpu==${version}`,
];

const Report = z.object({
  install: z.tuple([
    z.object({
      download_info: z.object({
        url: z.string(),
        archive_info: z.object({ hashes: z.object({ sha256: z.string() }).partial().optional() }).optional(),
      }),
    }),
  ]),
});

/** Asks pip for a wheel without downloading it (pip 22.2 and newer); undefined where it has no answer. */
export async function resolveWheel(version: string, options: PipOptions): Promise<WheelSource | undefined> {
  const dry = ['--dry-run', '--ignore-installed', '--quiet', '--target', options.scratch ?? '.', '--report', '-'];
  const said = await pip(['install', ...dry, ...wanted(version)], options).catch((error: unknown) => {
    if (options.signal?.aborted) throw error;
    return undefined;
  });
  if (said === undefined) return undefined;
  const report = Report.safeParse(parsed(said));
  if (!report.success) return undefined;
  const { url, archive_info } = report.data.install[0].download_info;
  const sha256 = archive_info?.hashes?.sha256;
  return { url, ...(sha256 && { sha256 }) };
}

/** Lets pip download a wheel into a folder, from the start; for indexes that ask for more than a URL and its credentials. */
export async function downloadByPip(version: string, folder: string, options: PipOptions): Promise<void> {
  await pip(['download', '--progress-bar', 'off', '--dest', folder, ...wanted(version)], options);
}

/** What pip's configuration says of certificates and proxies; nothing where it says nothing. */
export async function pipNetwork(options: PipOptions): Promise<PipNetwork> {
  const said = await pip(['config', 'list'], options).catch(() => '');
  const [cert, proxy] = ['cert', 'proxy'].map((name) => configured(said, name));
  return { ...(cert && { cert }), ...(proxy && { proxy }) };
}

/** A setting in the output of `pip config list`: lines `global.cert='…'`, of which `:env:` comes first, then `install`'s. */
export function configured(listing: string, name: string): string | undefined {
  const values = new Map(
    [...listing.matchAll(/^(:env:|install|download|global)\.([\w-]+)='(.*)'$/gm)]
      .filter(([, , key]) => key === name)
      .map(([, section, , value]) => [section, value]),
  );
  return [':env:', 'install', 'download', 'global'].map((section) => values.get(section)).find(Boolean);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text.slice(text.indexOf('{')));
  } catch {
    return undefined;
  }
}

/** Runs pip and returns what it prints. Throws `RuntimeError` (`job`) with its last line where it fails. */
function pip(args: readonly string[], { signal, onLine, scratch }: PipOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...(scratch && { TMPDIR: scratch }) };
    const child = spawn('python3', ['-m', 'pip', ...args], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(signal ? { signal } : {}),
    });
    let [said, last] = ['', ''];
    const answers = !args.includes('--dest');
    child.stdout.on('data', (part: Buffer) => {
      said += part.toString();
    });
    for (const stream of answers ? [child.stderr] : [child.stdout, child.stderr])
      createInterface({ input: stream }).on('line', (line) => {
        last = line || last;
        if (!answers) onLine?.(line);
      });
    const fail = (got: string) =>
      reject(new RuntimeError(`cuda: expected pip to get onnxruntime-gpu, got: ${got}; or give --wheel FILE`));
    child.on('error', (error) => (signal?.aborted ? reject(signal.reason) : fail(error.message)));
    child.on('close', (code) => {
      if (signal?.aborted) reject(signal.reason);
      else if (code === 0) resolve(said);
      else fail(last);
    });
  });
}
