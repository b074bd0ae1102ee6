import { check, lift, type Model, parse, print, readModel, writeModel } from '@neuroprune/onnx';
import { adaptersOf } from './adapt.js';
import { firstDifference, meaningOf } from './canonical.js';
import { type Case, readCase } from './cases.js';
import { type Inner, innerClaims } from './inner.js';
import { runCase } from './ort.js';
import { type Claims, claimsOf } from './shapes.js';

/** What was found of one test; a text says what failed, undefined that nothing did. */
export interface Finding {
  readonly id: string;
  /** Why adapters stand between the model and Node's binding of ONNX Runtime. */
  readonly adapters: readonly string[];
  /** Reading the file, and what `check` says of it. */
  readonly read: string | undefined;
  /** read → write → read → write gives the same bytes. */
  readonly bytes: string | undefined;
  /** What the file says that the written one does not, or the other way round. */
  readonly kept: string | undefined;
  /** print → parse → write means the same. */
  readonly text: string | undefined;
  /** The file as it is, in ONNX Runtime; null when it was not run. */
  readonly original: string | undefined | null;
  /** read → write, in ONNX Runtime; null when it was not run. */
  readonly written: string | undefined | null;
  /** read → lift → write, in ONNX Runtime; null when it was not run, or where the file's operator set is not 11 to 25. */
  readonly lifted: string | undefined | null;
  /** The file as it is fails now and then. */
  readonly unsteady: boolean;
  readonly claims: Claims | undefined;
  /** Claims of inner tensors against ONNX Runtime; null when it was not run. */
  readonly inner: Inner | null;
}

const messageOf = (cause: unknown): string => (cause as Error).message.split('\n')[0] ?? 'failed';

async function failureOf(act: () => string | undefined | Promise<string | undefined>): Promise<string | undefined> {
  try {
    return (await act()) || undefined;
  } catch (cause) {
    return messageOf(cause);
  }
}

const otherBytes = (a: Uint8Array, b: Uint8Array) => (Buffer.compare(a, b) === 0 ? undefined : 'other bytes');

interface Structure {
  readonly finding: Omit<Finding, 'original' | 'written' | 'lifted' | 'unsteady' | 'inner'>;
  /** The model, with claims, and what was written of it; absent when it cannot be read. */
  readonly model?: Model;
  readonly written?: Uint8Array;
}

/** Everything that needs no run: reading, writing, text and inference. */
async function structure(test: Case): Promise<Structure> {
  const adapters = [...new Set(test.sets.flatMap((set) => adaptersOf(test.ports, set).reasons))];
  const nothing = { bytes: undefined, kept: undefined, text: undefined, claims: undefined };
  try {
    const model = await readModel(test.model);
    check(model);
    const written = writeModel(model);
    const bytes = await failureOf(async () => otherBytes(writeModel(await readModel(written)), written));
    const kept = firstDifference(meaningOf(test.model), meaningOf(written));
    const text = await failureOf(() => {
      return firstDifference(meaningOf(written), meaningOf(writeModel(parse(print(model, { weights: true })))));
    });
    const claims = claimsOf(model, test);
    return { finding: { id: test.id, adapters, read: undefined, bytes, kept, text, claims }, model, written };
  } catch (cause) {
    return { finding: { id: test.id, adapters, ...nothing, read: messageOf(cause) } };
  }
}

/** What to find out about a test. */
export interface ExamineOptions {
  /** Run the model in ONNX Runtime. */
  readonly run: boolean;
  /** Compare inner tensors there too. */
  readonly inner?: boolean;
}

/** A kernel that reads memory it did not write gives one thing now and another then; the file is not to blame. */
const TRIES = 20;

async function failsAtTimes(test: Case): Promise<boolean> {
  for (let i = 0; i < TRIES; i++) if ((await runCase(test.model, test)) !== undefined) return true;
  return false;
}

/** The sets that `lift` reads. */
const isLiftable = ({ opsets }: Model): boolean => (opsets[''] ?? 0) >= 11 && (opsets[''] ?? 0) <= 25;

/** What keeps a lifted file from giving the recorded outputs; the file is read anew, without claims. */
async function failureOfLifted(test: Case): Promise<string | undefined | null> {
  const model = await readModel(test.model);
  if (!isLiftable(model)) return null;
  return failureOf(() => {
    check(lift(model).model);
    return runCase(writeModel(model), test);
  });
}

/** Examines a test. */
export async function examine(id: string, options: ExamineOptions): Promise<Finding> {
  const test = readCase(id);
  const { finding, model, written } = await structure(test);
  if (!options.run) return { ...finding, original: null, written: null, lifted: null, unsteady: false, inner: null };
  const original = await runCase(test.model, test);
  const result = written ? await runCase(written, test) : null;
  const unsteady = original === undefined && result !== undefined && (await failsAtTimes(test));
  const lifted = original === undefined && model ? await failureOfLifted(test) : null;
  const look = options.inner && model && original === undefined;
  const inner = look ? await innerClaims(model, test.model, test).catch(refused) : null;
  return { ...finding, original, written: result, lifted, unsteady, inner };
}

/** ONNX Runtime may not hand out an inner tensor, of a fused pair for instance; then there is nothing to compare. */
const refused = (cause: unknown): Inner => ({ compared: 0, wrong: [`refused: ${messageOf(cause)}`] });
