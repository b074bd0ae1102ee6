import { type Model, type Tensor, type TensorArrays, writeModel } from '@neuroprune/onnx';
import ort from 'onnxruntime-node';

/** Runs a model in ONNX Runtime on the CPU; all outputs, or the named ones. */
export async function evaluate(
  model: Model,
  feeds: Readonly<Record<string, Tensor>>,
  outputs?: readonly string[],
): Promise<Record<string, Tensor>> {
  const session = await ort.InferenceSession.create(writeModel(model), { logSeverityLevel: 3 });
  try {
    const inputs = Object.entries(feeds).filter(([name]) => session.inputNames.includes(name));
    const tensors = Object.fromEntries(inputs.map(([name, t]) => [name, toOrt(t)]));
    const results = outputs ? await session.run(tensors, outputs) : await session.run(tensors);
    return Object.fromEntries(Object.entries(results).map(([name, value]) => [name, fromOrt(value)]));
  } finally {
    await session.release();
  }
}

const toOrt = ({ dtype, data, dims }: Tensor): ort.Tensor =>
  new ort.Tensor(dtype as 'float32', data as Float32Array, [...dims]);

const fromOrt = ({ type, data, dims }: ort.Tensor): Tensor => ({
  dtype: type as 'float32',
  data: data as TensorArrays['float32'],
  dims,
});

/** Uniform numbers in [0, 1), the same for the same seed (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
