import { availableParallelism } from 'node:os';
import { RuntimeError } from './errors.js';

/** Execution providers of ONNX Runtime that this package drives. */
export const devices = ['cpu'] as const;

/** Name of a device. */
export type Device = (typeof devices)[number];

/** Where and how a session runs. */
export interface SessionOptions {
  /** Execution provider; `auto` is the fastest one that works here. */
  readonly device?: Device | 'auto';
  /** Threads inside an operator; the same count gives the same bits. Default: all cores. */
  readonly threads?: number;
}

/** Options with every default filled in. */
export interface ResolvedSession {
  readonly device: Device;
  readonly threads: number;
}

/** Fills in the defaults. */
export function resolveSession({ device = 'auto', threads = availableParallelism() }: SessionOptions): ResolvedSession {
  if (!Number.isInteger(threads) || threads < 1) {
    throw new RuntimeError(`threads: expected a whole number from 1, got ${threads}`, 'input');
  }
  return { device: device === 'auto' ? 'cpu' : device, threads };
}

/**
 * Session options in ONNX Runtime's words. Denormals are flushed: pruned weights and their moments decay into them, and
 * arithmetic on denormals is many times slower.
 */
export const ortOptions = ({ device, threads }: ResolvedSession) => ({
  executionProviders: [device],
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  executionMode: 'sequential' as const,
  logSeverityLevel: 4 as const, // errors are thrown: no need to print them too
  extra: { session: { set_denormal_as_zero: '1' } },
});
