import type { Model, Tensor } from '@neuroprune/onnx';
import { type ResolvedSession, resolveSession, type SessionOptions } from './device.js';
import { type Demand, withinMemory } from './memory.js';
import { withModelFile } from './model-file.js';
import { SessionWorker } from './session-worker.js';

/** A model ready to run outside the calling thread. */
export interface Inference extends AsyncDisposable {
  readonly session: ResolvedSession;
  /** Runs the model; `inputs` are copied. Returns the named outputs. */
  run(inputs: ReadonlyMap<string, Tensor>, outputs: readonly string[]): Promise<Map<string, Tensor>>;
  close(): Promise<void>;
}

/** Loads a model, or a model file (external data beside it), for inference. Throws `RuntimeError` when it does not load. */
export async function createInference(model: Model | string, options: SessionOptions = {}): Promise<Inference> {
  const session = resolveSession(options);
  const worker = new SessionWorker(session);
  const close = () => worker.close();
  try {
    await withinMemory(
      () => session,
      () => withModelFile(model, (path) => worker.ask({ type: 'load', model: path, session })),
    );
  } catch (error) {
    await close();
    throw error;
  }
  return {
    session,
    close,
    [Symbol.asyncDispose]: close,
    run: async (inputs, outputs) =>
      withinMemory(
        () => demandOf(session, inputs),
        async () =>
          new Map(
            await worker.ask({ type: 'run', runs: [{ inputs: [...inputs] }], staged: false, outputs, carried: [] }),
          ),
      ),
  };
}

/** The batch is the first input with rows and tokens. */
function demandOf({ device }: ResolvedSession, inputs: ReadonlyMap<string, Tensor>): Demand {
  const [rows, length] = [...inputs.values()].find(({ dims }) => dims.length === 2)?.dims ?? [];
  return { device, ...(rows !== undefined && length !== undefined && { batch: { rows, length } }) };
}
