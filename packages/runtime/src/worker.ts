/** The worker thread in which a session lives: `run()` of ONNX Runtime blocks the thread that calls it. */
import { parentPort } from 'node:worker_threads';
import type { Tensor, TensorData } from '@neuroprune/onnx';
import ort from 'onnxruntime-node';
import { ortOptions } from './device.js';
import type { Answer, NamedTensors, Numbered, Request } from './worker-protocol.js';

let session: ort.InferenceSession | undefined;
const held = new Map<string, ort.Tensor>();

// The two tensor types hold the same arrays; ORT's constructor wants a literal type a call.
const toOrt = (t: Tensor): ort.Tensor => new ort.Tensor(t.dtype as 'float32', t.data as Float32Array, t.dims);
const fromOrt = (t: ort.Tensor): Tensor => ({ dtype: t.type as 'float32', dims: t.dims, data: t.data as Float32Array });

function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`internal: '${name}' is not there`);
  return value;
}

async function run(request: Request & { type: 'run' }): Promise<NamedTensors> {
  const feeds: Record<string, ort.Tensor> = {};
  for (const [name, t] of request.inputs) feeds[name] = toOrt(t);
  for (const [input] of request.carried) feeds[input] = required(held.get(input), input);
  const results = await required(session, 'session').run(feeds);
  for (const [input, output] of request.carried) held.set(input, required(results[output], output));
  return request.outputs.map((name) => [name, fromOrt(required(results[name], name))]);
}

const handlers: { readonly [T in Request['type']]: (request: Request & { type: T }) => Promise<NamedTensors> } = {
  async load({ model, session: options }) {
    session = await ort.InferenceSession.create(model, ortOptions(options));
    return [];
  },
  async hold({ tensors }) {
    for (const [name, t] of tensors) held.set(name, toOrt(t));
    return [];
  },
  async take({ names }) {
    return names.map((name) => {
      const t = required(held.get(name), name);
      held.delete(name);
      return [name, fromOrt(t)];
    });
  },
  run,
  async close() {
    await session?.release();
    session = undefined;
    held.clear();
    return [];
  },
};

const buffersOf = (tensors: NamedTensors): ArrayBuffer[] => [
  ...new Set(
    tensors.flatMap(([, t]) =>
      Array.isArray(t.data) ? [] : [(t.data as Exclude<TensorData, readonly string[]>).buffer as ArrayBuffer],
    ),
  ),
];

parentPort?.on('message', async ({ id, request }: Numbered) => {
  try {
    const tensors = await handlers[request.type](request as never);
    parentPort?.postMessage({ id, tensors } satisfies Answer, buffersOf(tensors));
  } catch (error) {
    parentPort?.postMessage({ id, error: error instanceof Error ? error.message : String(error) } satisfies Answer);
  }
});
