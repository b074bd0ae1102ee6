import { availableParallelism } from 'node:os';
import { RuntimeError } from './errors.js';
import { ON_HOST } from './loop.js';

/** Execution providers of ONNX Runtime that this package drives. */
export const providers = ['cpu', 'cuda', 'webgpu'] as const;

/** Name of an execution provider. */
export type Provider = (typeof providers)[number];

/** A provider, or one GPU of it by its number: `cuda` is `cuda:0`. */
export type Device = Provider | `cuda:${number}`;

/** True when the text names a device. */
export const isDevice = (text: string): text is Device => /^(cpu|webgpu|cuda(:\d{1,2})?)$/.test(text);

/** The provider of a device. */
export const providerName = (device: Device): Provider => device.split(':')[0] as Provider;

/** Where and how a session runs. */
export interface SessionOptions {
  /** Execution provider; `auto` is the one that works on every machine, `cpu`. */
  readonly device?: Device | 'auto';
  /** On cuda: products in TF32, which reads 10 bits of a mantissa, as ONNX Runtime has it; false for float32. By default true. */
  readonly tf32?: boolean;
  /** Threads inside an operator; the same count gives the same bits. Default: all cores. */
  readonly threads?: number;
  /** Begin of the path under which ONNX Runtime writes its profile of the session when that is closed; what follows are the part of the session and the time. */
  readonly profile?: string;
}

/** Options with every default filled in. */
export interface ResolvedSession {
  readonly device: Device;
  readonly threads: number;
  readonly profile?: string;
  /** On cuda: products in float32 in the place of TF32. */
  readonly exact?: boolean;
  /** On webgpu: buffers that nothing is in are kept for values of their size. Making them anew takes half of a step's time, keeping them the memory of batches of every length. */
  readonly keepsBuffers?: boolean;
}

/** Most members of a stack of parameters on a device, where its provider has a limit of its own. */
export const stackLimit = (device: Device | 'auto' = 'auto'): number | undefined =>
  // Split and Concat of n take n + 1 storage buffers; WebGPU promises 8 a shader.
  device === 'webgpu' ? 7 : undefined;

/** Fills in the defaults. */
export function resolveSession({
  device = 'auto',
  threads = availableParallelism(),
  profile,
  tf32 = true,
}: SessionOptions): ResolvedSession {
  if (!Number.isInteger(threads) || threads < 1) {
    throw new RuntimeError(`threads: expected a whole number from 1, got ${threads}`, 'input');
  }
  if (device !== 'auto' && !isDevice(device)) {
    throw new RuntimeError(`device: expected auto, cpu, cuda, cuda:<number> or webgpu, got '${device}'`, 'input');
  }
  const isExact = !tf32 && device.startsWith('cuda');
  return {
    device: device === 'auto' ? 'cpu' : device,
    threads,
    ...(profile === undefined ? {} : { profile }),
    ...(isExact && { exact: true }),
  };
}

/** What ONNX Runtime's options say of a device. The Node binding passes `deviceId` to the CUDA provider and nothing else. */
export function providerOf(device: Device, keepsBuffers = false) {
  const [name, index = '0'] = device.split(':');
  if (name === 'cuda') return { name, deviceId: Number(index) };
  return keepsBuffers && name === 'webgpu' ? { name, storageBufferCacheMode: 'simple' } : device;
}

/** ONNX Runtime would write transposes before products into them, where WebGPU's kernel for transB takes three times as long (`plainProducts`). */
const optimization = { disable_specified_optimizers: 'GemmTransposeFusion' };

/** Nodes whose names say so stay on the host (ONNX Runtime matches parts of names). */
const name_based_layer_assignment = `cpu(${ON_HOST})`;

/**
 * Session options in ONNX Runtime's words. Denormals are flushed: pruned weights and their moments decay into them, and
 * arithmetic on denormals is many times slower. On cpu memory is not planned beforehand for each shape of a batch: a plan keeps one
 * block for all of a step's values, which takes a sixth more and saves no time (docs/results/speed.md).
 */
export const ortOptions = ({ device, threads, keepsBuffers }: Omit<ResolvedSession, 'profile'>) => ({
  executionProviders: [providerOf(device, keepsBuffers)],
  intraOpNumThreads: threads,
  interOpNumThreads: 1,
  executionMode: 'sequential' as const,
  logSeverityLevel: 4 as const, // errors are thrown: no need to print them too
  ...(device === 'cpu' ? { enableMemPattern: false } : {}),
  extra: {
    session: { set_denormal_as_zero: '1', ...(device.startsWith('cuda') && { name_based_layer_assignment }) },
    ...(device === 'webgpu' ? { optimization } : {}),
  },
});
