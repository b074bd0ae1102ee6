import { execFile } from 'node:child_process';
import { performance } from 'node:perf_hooks';
import { fileURLToPath } from 'node:url';
import type { Device } from '../device.js';
import { causeOf } from './cause.js';

/** A device that sessions can be tried on. */
export type Probed = Device;

/** Whether a device works here. */
export interface Probe {
  readonly device: Probed;
  readonly works: boolean;
  /** Why it does not, in words. */
  readonly cause?: string;
  /** The driver that computes on the cpu in the place of a GPU, where `webgpu` found nothing better. */
  readonly software?: string;
  /** Whether it computes in float16, which is up to the adapter of `webgpu`. */
  readonly half?: boolean;
  /** Milliseconds until a fresh process had loaded the provider and run a product. */
  readonly milliseconds: number;
}

/** Time a driver may take to answer. */
const TIMEOUT = 60_000;
/** [1 2; 3 4] times itself. */
const EXPECTED = '[7,10,15,22]';

/**
 * Runs a tiny session on a device in a process of its own, so that a native crash or a hanging driver takes nothing
 * down. Never throws for a device that does not work.
 */
export function probe(device: Probed, env: NodeJS.ProcessEnv = process.env): Promise<Probe> {
  const started = performance.now();
  const script = fileURLToPath(import.meta.resolve('@neuroprune/runtime/probe-process'));
  return new Promise((resolve) => {
    execFile(process.execPath, [script, device], { env, timeout: TIMEOUT }, (error, stdout, stderr) => {
      const milliseconds = Math.round(performance.now() - started);
      const [result, facts] = stdout.split('\n');
      if (!error && result === EXPECTED) resolve({ device, works: true, ...factsIn(facts), milliseconds });
      else resolve({ device, works: false, cause: failure(error, stdout, stderr), milliseconds });
    });
  });
}

/** What the process writes below its result. */
export type Facts = Pick<Probe, 'software' | 'half'>;

const factsIn = (line = '{}'): Facts => JSON.parse(line);

type ExecError = (Error & { readonly signal?: NodeJS.Signals | null; readonly killed?: boolean }) | null;

function failure(error: ExecError, stdout: string, stderr: string): string {
  if (!error) return `it computed ${stdout || 'nothing'} where ${EXPECTED} is right`;
  if (error.killed) return `no answer in ${TIMEOUT / 1000} s`;
  if (error.signal) return `its process crashed (${error.signal})`;
  return causeOf(plain(stderr));
}

/** Without colours and without the trace of the error below its message. */
function plain(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: ONNX Runtime colours what it logs
  return text.replace(/\u001b\[[\d;]*m/g, '').replace(/^\s+at .*$|^Node\.js v.*$/gm, '');
}
