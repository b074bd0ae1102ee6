/** The worker thread in which sessions live: `run()` of ONNX Runtime blocks the thread that calls it. */
import { parentPort } from 'node:worker_threads';
import type { Tensor, TensorData } from '@neuroprune/onnx';
import ort from 'onnxruntime-node';
import { ortOptions } from './device.js';
import type { Answer, NamedTensors, Numbered, Request } from './worker-protocol.js';

/** A session with the state it holds between runs. */
interface Held {
  readonly session: ort.InferenceSession;
  readonly state: Map<string, ort.Tensor>;
}

const sessions = new Map<number, Held>();

// The two tensor types hold the same arrays; ORT's constructor wants a literal type a call.
const toOrt = (t: Tensor): ort.Tensor => new ort.Tensor(t.dtype as 'float32', t.data as Float32Array, t.dims);
const fromOrt = (t: ort.Tensor): Tensor => ({ dtype: t.type as 'float32', dims: t.dims, data: t.data as Float32Array });

function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`internal: '${name}' is not there`);
  return value;
}

const sessionOf = (number: number): Held => required(sessions.get(number), `session ${number}`);

async function load(number: number, { model, session: options }: Request & { type: 'load' }): Promise<NamedTensors> {
  try {
    const session = await ort.InferenceSession.create(model, ortOptions(options));
    sessions.set(number, { session, state: new Map() });
  } catch (error) {
    throw new Error(`model: expected one that ONNX Runtime loads, got: ${messageOf(error)}`);
  }
  return [];
}

async function run(number: number, request: Request & { type: 'run' }): Promise<NamedTensors> {
  const { session, state } = sessionOf(number);
  const feeds: Record<string, ort.Tensor> = {};
  for (const [name, t] of request.inputs) feeds[name] = toOrt(t);
  for (const [input] of request.carried) feeds[input] = required(state.get(input), input);
  const results = await session.run(feeds);
  for (const [input, output] of request.carried) state.set(input, required(results[output], output));
  return request.outputs.map((name) => [name, fromOrt(required(results[name], name))]);
}

type Handler<T extends Request['type']> = (number: number, request: Request & { type: T }) => Promise<NamedTensors>;

const handlers: { readonly [T in Request['type']]: Handler<T> } = {
  load,
  async hold(number, { tensors }) {
    const { state } = sessionOf(number);
    for (const [name, t] of tensors) state.set(name, toOrt(t));
    return [];
  },
  async take(number, { names }) {
    const { state } = sessionOf(number);
    const taken = names.map((name) => [name, fromOrt(required(state.get(name), name))] as const);
    for (const name of names) state.delete(name);
    return taken;
  },
  run,
  async close(number) {
    await sessions.get(number)?.session.release();
    sessions.delete(number);
    return [];
  },
};

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const buffersOf = (tensors: NamedTensors): ArrayBuffer[] => [
  ...new Set(
    tensors.flatMap(([, t]) =>
      Array.isArray(t.data) ? [] : [(t.data as Exclude<TensorData, readonly string[]>).buffer as ArrayBuffer],
    ),
  ),
];

parentPort?.on('message', async ({ id, session, request }: Numbered) => {
  try {
    const tensors = await handlers[request.type](session, request as never);
    parentPort?.postMessage({ id, tensors } satisfies Answer, buffersOf(tensors));
  } catch (error) {
    parentPort?.postMessage({ id, error: messageOf(error) } satisfies Answer);
  }
});
