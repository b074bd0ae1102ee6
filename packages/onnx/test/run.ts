import ort from 'onnxruntime-node';
import type { DType, Model, Tensor } from '../src/index.js';
import { writeModel } from '../src/index.js';

/** Runs a model in ONNX Runtime on the CPU, as it is written: without graph optimizations. */
export async function run(model: Model | Uint8Array | string, feeds: Record<string, Tensor>) {
  const source = typeof model === 'string' || model instanceof Uint8Array ? model : writeModel(model);
  const session = await ort.InferenceSession.create(source as string, {
    graphOptimizationLevel: 'disabled',
    intraOpNumThreads: 1,
    logSeverityLevel: 4,
  });
  const inputs = Object.entries(feeds).map(([name, { dtype, dims, data }]) => {
    const tensor = new ort.Tensor(dtype as 'float32', data as Float32Array, dims);
    return [name, tensor] as const;
  });
  const outputs = await session.run(Object.fromEntries(inputs));
  await session.release();
  const results = Object.entries(outputs).map(([name, t]) => {
    return [name, { dtype: t.type as DType, dims: t.dims, data: t.data } as Tensor] as const;
  });
  return Object.fromEntries(results);
}
