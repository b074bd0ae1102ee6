import { type Model, type StepSignature, sizeOf, stateOf, stepSignature, type Tensor } from '@neuroprune/onnx';
import { type Batch, tokensIn } from './batch.js';
import { type ResolvedSession, resolveSession, type SessionOptions } from './device.js';
import { RuntimeError } from './errors.js';
import { loopOf, outerName } from './loop.js';
import { withinMemory } from './memory.js';
import { withModelFile } from './model-file.js';
import { SessionWorker } from './session-worker.js';
import { type ScalarVectors, stageSteps } from './staging.js';

/** A step graph with its state, run outside the calling thread; there the state stays between runs. */
export interface Training extends AsyncDisposable {
  readonly signature: StepSignature;
  readonly session: ResolvedSession;
  /** Takes one step a batch, all in one `run()`; returns each result with one number a step. */
  run(batches: readonly Batch[], scalars: ScalarVectors): Promise<Record<string, Float32Array>>;
  /** Calls `use` with the state (tensors under `<stack>.<slot>` and the names of variables), which it may change in place; no copy is made. */
  withState<T>(use: (state: Map<string, Tensor>) => T | Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/**
 * Starts training from a step graph and its first state. Both are used up: the graph moves into a loop, and the state's
 * buffers move to the thread that runs it. Throws `RuntimeError` when the state is not the graph's.
 */
export async function createTraining(
  step: Model,
  state: ReadonlyMap<string, Tensor>,
  options: SessionOptions = {},
): Promise<Training> {
  const session = resolveSession(options);
  const signature = stepSignature(step);
  const worker = new SessionWorker();
  const close = () => worker.close();
  try {
    await withinMemory(
      () => session,
      async () => {
        await withModelFile(loopOf(step), (path) => worker.ask({ type: 'load', model: path, session }));
        await worker.ask({ type: 'hold', tensors: held(signature, state) });
      },
    );
  } catch (error) {
    await close();
    throw error;
  }
  return {
    signature,
    session,
    close,
    [Symbol.asyncDispose]: close,
    run: (batches, scalars) =>
      withinMemory(
        () => ({ device: session.device, batch: largestOf(batches) }),
        () => runSteps(worker, signature, batches, scalars),
      ),
    withState: (use) => withState(worker, signature, use),
  };
}

/** State under the loop's names, each tensor in a buffer of its own, because buffers move to the worker whole. */
function held(signature: StepSignature, state: ReadonlyMap<string, Tensor>): [string, Tensor][] {
  return stateOf(signature).map(({ input, dims }) => {
    const data = state.get(input)?.data;
    if (!(data instanceof Float32Array) || data.length !== sizeOf(dims)) {
      const got = data instanceof Float32Array ? `${data.length} numbers` : 'none';
      throw new RuntimeError(
        `state: expected '${input}' float32 [${dims}], got ${got}; make it with initialState()`,
        'input',
      );
    }
    const own = data.byteLength === data.buffer.byteLength ? data : data.slice();
    return [outerName(input), { dtype: 'float32', dims, data: own }];
  });
}

const largestOf = (batches: readonly Batch[]): Batch => batches.reduce((a, b) => (tokensIn(b) > tokensIn(a) ? b : a));

async function runSteps(
  worker: SessionWorker,
  signature: StepSignature,
  batches: readonly Batch[],
  scalars: ScalarVectors,
) {
  const inputs = [...stageSteps(signature, batches, scalars)];
  const carried = stateOf(signature).map(({ input, output }) => [outerName(input), outerName(output)] as const);
  const tensors = await worker.ask({ type: 'run', inputs, outputs: signature.results.map(outerName), carried });
  return Object.fromEntries(signature.results.map((name, i) => [name, tensors[i]?.[1].data as Float32Array]));
}

async function withState<T>(
  worker: SessionWorker,
  signature: StepSignature,
  use: (state: Map<string, Tensor>) => T | Promise<T>,
): Promise<T> {
  const names = stateOf(signature).map(({ input }) => input);
  const tensors = await worker.ask({ type: 'take', names: names.map(outerName) });
  const state = new Map(names.map((name, i) => [name, tensors[i]?.[1] as Tensor]));
  try {
    return await use(state);
  } finally {
    await worker.ask({ type: 'hold', tensors: held(signature, state) });
  }
}
