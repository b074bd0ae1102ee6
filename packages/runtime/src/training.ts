import { type Model, type StepSignature, sizeOf, stateOf, stepSignature, type Tensor } from '@neuroprune/onnx';
import { type Batch, tokensIn } from './batch.js';
import { providerName, type ResolvedSession, resolveSession, type SessionOptions } from './device.js';
import { type Driver, drivers } from './drivers/driver.js';
import { hasRoomForAll } from './drivers/working-memory.js';
import { RuntimeError } from './errors.js';
import { type EventInterface, eventInterface, withEventScalars } from './event.js';
import { withinMemory } from './memory.js';
import { withModelFile } from './model-file.js';
import { SessionWorker } from './session-worker.js';
import type { ScalarVectors } from './staging.js';
import type { Inputs, NamedTensors, Request, StateChange, StateWork } from './worker-protocol.js';

/** A step graph with its state, run outside the calling thread; there the state stays between runs. */
export interface Training extends AsyncDisposable {
  /** The step's; where there is an event, with its scalars and results. */
  readonly signature: StepSignature;
  readonly session: ResolvedSession;
  /** Takes one step a batch, all in one `run()`; returns each result with one number a step. */
  run(batches: readonly Batch[], scalars: ScalarVectors): Promise<Record<string, Float32Array>>;
  /** Puts batches into the form that a run takes, while another is under way. */
  stage(batches: readonly Batch[], scalars: ScalarVectors): Staged;
  /** Takes the steps of what was staged, which is used up by it. */
  runStaged(staged: Staged): Promise<Record<string, Float32Array>>;
  /**
   * Calls `use` with the state (tensors under `<stack>.<slot>` and the names of variables), or those of it in `names`, which it
   * may change in place; no copy is made, but where the state lies in another process or on a device it crosses both ways.
   */
  withState<T>(use: (state: Map<string, Tensor>) => T | Promise<T>, names?: ReadonlySet<string>): Promise<T>;
  /**
   * Has a module change the state, or those of it in `names`, where it lies, in the thread or process of the sessions: nothing
   * crosses but what it is told and what it returns.
   */
  changeState(work: StateWork, names?: ReadonlySet<string>): Promise<StateChange>;
  close(): Promise<void>;
}

/** The inputs of a chunk of steps, ready to move to where they run. */
export interface Staged {
  readonly runs: readonly Inputs[];
  /** The batch that takes most room, for messages. */
  readonly largest: Pick<Batch, 'rows' | 'length'> | undefined;
}

/** How a training runs. */
export interface TrainingOptions extends SessionOptions {
  /**
   * A model over part of the state (inputs under its names, what follows as `<name>.next`) and scalars, which is run after the
   * steps whose scalar `event` is 1; its results are NaN after others. Used up.
   */
  readonly event?: Model;
  /** The largest batch that will come, asked on webgpu: by it is settled whether buffers are kept for all that will come. */
  readonly largest?: () => Pick<Batch, 'rows' | 'length'>;
}

/**
 * Starts training from a step graph and its first state. Both are used up: the graph moves into a loop, and the state's
 * buffers move to the thread that runs it. Throws `RuntimeError` when the state is not the graph's.
 */
export async function createTraining(
  step: Model,
  state: ReadonlyMap<string, Tensor>,
  { event, largest, ...options }: TrainingOptions = {},
): Promise<Training> {
  const keepsBuffers = largest !== undefined && options.device === 'webgpu' && hasRoomForAll(step, largest());
  const session = { ...resolveSession(options), ...(keepsBuffers && { keepsBuffers }) };
  const signature = stepSignature(step);
  const after = event && eventInterface(signature, event);
  const driver = drivers[providerName(session.device)];
  const worker = new SessionWorker(session);
  const parts: Parts = { worker, driver, signature, event: after };
  const close = () => worker.close();
  try {
    await withinMemory(
      () => session,
      async () => {
        await driver.check?.(step, session);
        const models = driver.modelsOf(step, event);
        await withModelFile(models.steps, (path) =>
          withOptional(models.event, (eventPath) => worker.ask(loading(parts, session, path, eventPath))),
        );
        await worker.ask({ type: 'hold', tensors: held(parts, state) });
      },
    );
  } catch (error) {
    await close();
    throw error;
  }
  const stage = (batches: readonly Batch[], scalars: ScalarVectors): Staged => ({
    runs: driver.stage(signature, batches, scalars, after),
    largest: largestOf(batches),
  });
  const runStaged = ({ runs, largest }: Staged) =>
    withinMemory(
      () => ({ device: session.device, ...(largest && { batch: largest }) }),
      () => runSteps(parts, runs),
    );
  return {
    signature: after ? withEventScalars(signature, after) : signature,
    session,
    close,
    [Symbol.asyncDispose]: close,
    stage,
    runStaged,
    run: async (batches, scalars) => runStaged(stage(batches, scalars)),
    withState: (use, names) => withState(parts, use, names),
    changeState: (work, names) => changeState(parts, work, names),
  };
}

/** What a training is made of. */
interface Parts {
  readonly worker: SessionWorker;
  readonly driver: Driver;
  readonly signature: StepSignature;
  readonly event: EventInterface | undefined;
}

const withOptional = <T>(model: Model | undefined, use: (path?: string) => Promise<T>): Promise<T> =>
  model ? withModelFile(model, use) : use();

/** The request by which a session loads its models. */
function loading(
  { driver, signature, event }: Parts,
  session: ResolvedSession,
  model: string,
  eventModel?: string,
): Request {
  const own = {
    ...(driver.resident && { resident: stateOf(signature).map(({ output }) => output) }),
    ...(eventModel !== undefined && {
      event: { model: eventModel, resident: event?.carried.map(([, output]) => output) ?? [] },
    }),
  };
  return { type: 'load', model, session, ...own };
}

/** State under the driver's names, each tensor in a buffer of its own, because buffers move to the worker whole. */
function held(
  { signature, driver }: Parts,
  state: ReadonlyMap<string, Tensor>,
  wanted = stateOf(signature),
): [string, Tensor][] {
  return wanted.map(({ input, dims }) => {
    const data = state.get(input)?.data;
    if (!(data instanceof Float32Array) || data.length !== sizeOf(dims)) {
      const got = data instanceof Float32Array ? `${data.length} numbers` : 'none';
      throw new RuntimeError(
        `state: expected '${input}' float32 [${dims}], got ${got}; make it with initialState()`,
        'input',
      );
    }
    const own = data.byteLength === data.buffer.byteLength ? data : data.slice();
    return [driver.nameOf(input), { dtype: 'float32', dims, data: own }];
  });
}

const largestOf = (batches: readonly Batch[]): Staged['largest'] => {
  const [first, ...others] = batches;
  const most = first && others.reduce((a, b) => (tokensIn(b) > tokensIn(a) ? b : a), first);
  return most && { rows: most.rows, length: most.length };
};

async function runSteps(parts: Parts, runs: readonly Inputs[]) {
  const { worker, driver, signature, event } = parts;
  const results = [...signature.results, ...(event?.results ?? [])];
  const separate = driver.resident ? event : undefined;
  const tensors = await worker.ask({
    type: 'run',
    runs,
    staged: true,
    outputs: (separate ? signature.results : results).map(driver.nameOf),
    carried: stateOf(signature).map(({ input, output }) => [driver.nameOf(input), driver.nameOf(output)]),
    ...(separate && { event: { outputs: separate.results, carried: separate.carried } }),
  });
  return Object.fromEntries(results.map((name, i) => [name, everyNth(tensors, i, results.length)]));
}

/** The numbers of one result of all runs. */
function everyNth(tensors: NamedTensors, first: number, n: number): Float32Array {
  const own = tensors.filter((_, i) => i % n === first).map(([, { data }]) => data as Float32Array);
  return own.length === 1 ? (own[0] as Float32Array) : Float32Array.from(own.flatMap((data) => [...data]));
}

/** The state, or those of it in `names`. */
const stateIn = (signature: StepSignature, names?: ReadonlySet<string>) =>
  stateOf(signature).filter(({ input }) => names?.has(input) ?? true);

async function changeState(
  { worker, driver, signature }: Parts,
  work: StateWork,
  names?: ReadonlySet<string>,
): Promise<StateChange> {
  const pairs = stateIn(signature, names).map(({ input }) => [driver.nameOf(input), input] as const);
  const { value, tensors } = await worker.result({ type: 'change', names: pairs, work });
  return { value, tensors };
}

async function withState<T>(
  parts: Parts,
  use: (state: Map<string, Tensor>) => T | Promise<T>,
  names?: ReadonlySet<string>,
): Promise<T> {
  const { worker, driver, signature } = parts;
  const wanted = stateIn(signature, names);
  const tensors = await worker.ask({ type: 'take', names: wanted.map(({ input }) => driver.nameOf(input)) });
  const state = new Map(wanted.map(({ input }, i) => [input, tensors[i]?.[1] as Tensor]));
  try {
    return await use(state);
  } finally {
    await worker.ask({ type: 'hold', tensors: held(parts, state, wanted) });
  }
}
