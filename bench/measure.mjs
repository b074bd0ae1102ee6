// One side's measurement in a process of its own, and what is said of several.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';

export const python = process.env.NEUROPRUNE_PYTHON ?? 'python3';
const here = import.meta.dirname;
const sides = {
  NeuroPrune: [process.execPath, path.join(here, 'step.mjs')],
  PyTorch: [python, path.join(here, 'torch_step.py')],
};

const run = promisify(execFile);

/** ONNX Runtime's CUDA provider uses TF32 unless the driver's library is told otherwise before it is loaded. */
const environment = ({ device = 'cpu', precision }) =>
  device === 'cpu' || precision !== 'fp32' ? process.env : { ...process.env, NVIDIA_TF32_OVERRIDE: '0' };

/** What a side says of a job; with `watch`, also the most that the GPU held meanwhile, beyond what it held before. */
export async function measure(side, job, { watch = false } = {}) {
  const [program, script] = sides[side];
  const device = (side === 'PyTorch' && job.torchDevice) || job.device;
  const asked = { ...job, device };
  const before = watch ? await gpuBytes(device) : undefined;
  let most = before ?? 0;
  let busy = true;
  const look = async () => {
    while (busy) {
      most = Math.max(most, (await gpuBytes(device)) ?? 0);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  const looking = before === undefined ? undefined : look();
  try {
    const options = { maxBuffer: 2 ** 26, env: environment(asked) };
    const { stdout } = await run(program, [script, JSON.stringify(asked)], options);
    const result = JSON.parse(stdout.trim().split('\n').at(-1));
    return before === undefined ? result : { ...result, gpu: most - before };
  } finally {
    busy = false;
    await looking;
  }
}

/** Bytes in use on a GPU; undefined where NVIDIA's tool does not say. */
async function gpuBytes(device = 'cpu') {
  if (device === 'cpu') return undefined;
  const which = ['-i', device.split(':')[1] ?? '0'];
  const query = ['--query-gpu=memory.used', '--format=csv,noheader,nounits', ...which];
  return run('nvidia-smi', query).then(
    ({ stdout }) => Number(stdout.trim()) * 2 ** 20,
    () => undefined,
  );
}

const sorted = (numbers) => [...numbers].sort((a, b) => a - b);
export const median = (numbers) => sorted(numbers)[numbers.length >> 1];
export const ms = (value) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
export const spread = (numbers) => `${ms(median(numbers))} (${ms(Math.min(...numbers))}–${ms(Math.max(...numbers))})`;

/**
 * The largest relative difference of two runs' losses: both sides train the same thing when dropout is off. The trainer
 * tells means over some steps each, so the other's are taken over the same.
 */
export function difference(ours, theirs) {
  let before = 0;
  const each = ours.map(({ step, loss }) => {
    const part = theirs.filter((other) => other.step > before && other.step <= step);
    before = step;
    return Math.abs(loss / (part.reduce((sum, other) => sum + other.loss, 0) / part.length) - 1);
  });
  return Math.max(...each);
}

/** How far losses of the two may be apart, by what products are computed in. */
export const tolerances = { fp32: 1e-3, tf32: 1e-2, fp16: 5e-2, bf16: 5e-2 };

/** The largest difference of losses without dropout, over ten steps. Throws where it is too large. */
export async function check(name, job) {
  const steps = Math.min(10, job.steps);
  const asked = { ...job, dropout: 0, method: 'dense', compile: false, from: 0, to: steps, steps };
  // The trainer's first event ends its first steps: there is time after it only where there are more.
  const ours = await measure('NeuroPrune', asked);
  const found = difference(ours.losses, (await measure('PyTorch', asked)).losses);
  const most = tolerances[job.precision ?? 'fp32'];
  if (!(found < most)) throw new Error(`${name}: expected equal losses without dropout, got ${found} between them`);
  return found;
}

/** Whether the interpreter has what is needed; a line that says why not. */
export const missing = () =>
  run(python, ['-c', 'import torch, transformers']).then(
    () => undefined,
    () => `skipped: ${python} has no torch and transformers; NEUROPRUNE_PYTHON names an interpreter that has`,
  );
