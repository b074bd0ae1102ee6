import ort from 'onnxruntime-node';
import { type Adapters, adapt, adaptersOf } from './adapt.js';
import type { Case } from './cases.js';
import { difference, type Plain } from './compare.js';
import { plainTensor } from './plain.js';

/** A recorded tensor as the binding takes it. */
export function feed(bytes: Uint8Array): ort.Tensor {
  const { type, dims, data } = plainTensor(bytes);
  // The binding's types tie the array to the name of the element type; here the pair comes from one table.
  return new ort.Tensor(type as 'float32', data as Float32Array, dims);
}

async function runSet(model: Uint8Array, { feeds, expectations }: Adapters): Promise<string | undefined> {
  const session = await ort.InferenceSession.create(model, { intraOpNumThreads: 1, logSeverityLevel: 4 });
  try {
    const names = expectations.flatMap(({ name, expected }) =>
      'fetched' in expected ? [name, expected.fetched] : [name],
    );
    const results = await session.run(Object.fromEntries(feeds.map((f) => [f.name, feed(f.tensor)])), names);
    for (const { name, expected } of expectations) {
      const wanted = 'fetched' in expected ? results[expected.fetched] : plainTensor(expected);
      const found = difference(results[name] as Plain, wanted as Plain);
      if (found) return `${name}: ${found}`;
    }
    return undefined;
  } finally {
    await session.release();
  }
}

/** Why ONNX Runtime does not give a test's recorded outputs with this serialized model; undefined when it does. */
export async function runCase(model: Uint8Array, { ports, sets }: Case): Promise<string | undefined> {
  if (sets.length === 0) return 'no recorded data';
  try {
    for (const set of sets) {
      const adapters = adaptersOf(ports, set);
      const failure = await runSet(adapt(model, adapters), adapters);
      if (failure) return failure;
    }
    return undefined;
  } catch (cause) {
    return (cause as Error).message.split('\n')[0] ?? 'failed';
  }
}
