import { emptyGraph, modelOf, Node, scalarTensor, type Tensor, Value, writeModel } from '@neuroprune/onnx';
import ort from 'onnxruntime-node';
import { ortOptions } from './device.js';
import type { Carried, NamedTensors, Request, StateChange, StateWork } from './worker-protocol.js';

// The two tensor types hold the same arrays; ORT's constructor wants a literal type a call.
const toOrt = (t: Tensor): ort.Tensor => new ort.Tensor(t.dtype as 'float32', t.data as Float32Array, t.dims);
const fromOrt = (t: ort.Tensor): Tensor => ({ dtype: t.type as 'float32', dims: t.dims, data: t.data as Float32Array });

function required<T>(value: T | undefined, name: string): T {
  if (value === undefined) throw new Error(`internal: '${name}' is not there`);
  return value;
}

const feedsOf = (tensors: NamedTensors): Record<string, ort.Tensor> =>
  Object.fromEntries(tensors.map(([name, t]) => [name, toOrt(t)]));

/** The identity of any float32 tensor, whose output comes to the host. */
function reader(): Uint8Array {
  const graph = emptyGraph('reader');
  const [x, y] = [new Value('x', 'float32'), new Value('y', 'float32')];
  graph.nodes.push(new Node('Identity', [x], [y]));
  return writeModel(modelOf({ ...graph, inputs: [x], outputs: [y] }));
}

/** What a module of `StateWork` exports as `change`. */
type ChangeState = (state: Map<string, Tensor>, argument: StateWork['argument']) => StateChange | Promise<StateChange>;

const profileOptions = (prefix: string) => ({ enableProfiling: true, profileFilePrefix: prefix });

/** A session with the state it holds between runs, in memory of the host or of the device. */
export class HeldSession {
  private readonly state = new Map<string, ort.Tensor>();

  private constructor(
    private readonly main: ort.InferenceSession,
    /** Reads buffers of the device: asking such a tensor for its data would end the process (onnxruntime-node 1.30). */
    private readonly reader: ort.InferenceSession | undefined,
    private readonly event: ort.InferenceSession | undefined,
    private readonly profiled: boolean,
  ) {}

  /** Loads the models of a session. */
  static async load({ model, session, resident, event }: Request & { type: 'load' }): Promise<HeldSession> {
    const create = async (part: string, path: string | Uint8Array, outputs?: readonly string[]) => {
      const kept = outputs && {
        preferredOutputLocation: Object.fromEntries(outputs.map((o) => [o, 'gpu-buffer' as const])),
      };
      const profiled = session.profile === undefined ? {} : profileOptions(`${session.profile}.${part}`);
      return ort.InferenceSession.create(path as string, { ...ortOptions(session), ...kept, ...profiled });
    };
    try {
      return new HeldSession(
        await create('steps', model, resident),
        resident && (await create('reader', reader())),
        event === undefined ? undefined : await create('event', event.model, event.resident),
        session.profile !== undefined,
      );
    } catch (error) {
      throw new Error(`model: expected one that ONNX Runtime loads, got: ${(error as Error).message}`);
    }
  }

  /** Takes tensors into the state. */
  hold(tensors: NamedTensors): void {
    for (const [name, t] of tensors) this.replace(name, toOrt(t));
  }

  /** Gives tensors of the state away. */
  async take(names: readonly string[]): Promise<NamedTensors> {
    const held = names.map((name) => [name, required(this.state.get(name), name)] as const);
    const taken = await Promise.all(
      held.map(async ([name, t]) => [name, fromOrt(await this.onHost(name, t))] as const),
    );
    for (const name of names) this.drop(name);
    return taken;
  }

  /** Has a module do something with tensors of the state, which it may change in place. */
  async change({ names, work }: Request & { type: 'change' }): Promise<StateChange> {
    const taken = await this.take(names.map(([held]) => held));
    const state = new Map(names.map(([, name], i) => [name, (taken[i] as NamedTensors[number])[1]]));
    try {
      const { change } = (await import(work.module)) as { readonly change: ChangeState };
      return await change(state, work.argument);
    } finally {
      this.hold(names.map(([held, name]) => [held, required(state.get(name), name)]));
    }
  }

  /** Runs in order, each on the state that the one before it left. */
  async run({ runs, outputs, carried, event }: Request & { type: 'run' }): Promise<NamedTensors> {
    const results: NamedTensors[] = [];
    for (const { inputs, event: given } of runs) {
      results.push(await this.once(this.main, inputs, outputs, carried));
      if (!event) continue;
      if (given) results.push(await this.once(required(this.event, 'event'), given, event.outputs, event.carried));
      else results.push(event.outputs.map((name) => [name, scalarTensor(Number.NaN)]));
    }
    return results.flat();
  }

  /** Frees the sessions and what is held. */
  async close(): Promise<void> {
    for (const name of [...this.state.keys()]) this.drop(name);
    for (const session of [this.main, this.reader, this.event]) {
      if (this.profiled) session?.endProfiling();
      await session?.release();
    }
  }

  private async once(
    session: ort.InferenceSession,
    inputs: NamedTensors,
    outputs: readonly string[],
    carried: Carried,
  ): Promise<NamedTensors> {
    const feeds = feedsOf(inputs);
    for (const [input] of carried) feeds[input] = required(this.state.get(input), input);
    const results = await session.run(feeds);
    for (const [input, output] of carried) this.replace(input, required(results[output], output));
    return outputs.map((name) => [name, fromOrt(required(results[name], name))]);
  }

  private async onHost(name: string, t: ort.Tensor): Promise<ort.Tensor> {
    if (t.location === 'cpu') return t;
    return required((await required(this.reader, 'reader').run({ x: t })).y, name);
  }

  private replace(name: string, t: ort.Tensor): void {
    this.drop(name);
    this.state.set(name, t);
  }

  /** Buffers of the device are freed at once: the collector of garbage does not see how large they are. */
  private drop(name: string): void {
    const t = this.state.get(name);
    this.state.delete(name);
    if (t && t.location !== 'cpu') t.dispose();
  }
}
