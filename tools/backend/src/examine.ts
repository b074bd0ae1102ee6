import { type Model, parse, print, readModel, writeModel } from '@neuroprune/onnx';
import { adaptersOf } from './adapt.js';
import { type Case, readCase } from './cases.js';
import { runCase } from './ort.js';
import { type Claims, claimsOf } from './shapes.js';

/** What was found of one test; a text says what failed, undefined that nothing did. */
export interface Finding {
  readonly id: string;
  /** Why adapters stand between the model and Node's binding of ONNX Runtime. */
  readonly adapters: readonly string[];
  /** Reading the file. */
  readonly read: string | undefined;
  /** read → write → read → write gives the same bytes. */
  readonly bytes: string | undefined;
  /** print → parse → write gives the same bytes. */
  readonly text: string | undefined;
  /** The file as it is, in ONNX Runtime; null when it was not run. */
  readonly original: string | undefined | null;
  /** read → write, in ONNX Runtime; null when it was not run. */
  readonly written: string | undefined | null;
  readonly claims: Claims | undefined;
}

const messageOf = (cause: unknown): string => (cause as Error).message.split('\n')[0] ?? 'failed';

async function failureOf(act: () => unknown): Promise<string | undefined> {
  try {
    return (await act()) ? undefined : 'other bytes';
  } catch (cause) {
    return messageOf(cause);
  }
}

const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

/** Everything that needs no run: reading, writing, text and inference. */
async function structure(test: Case): Promise<Omit<Finding, 'original' | 'written'> & { bytesWritten?: Uint8Array }> {
  const adapters = [...new Set(test.sets.flatMap((set) => adaptersOf(test.ports, set).reasons))];
  const start = { id: test.id, adapters, bytes: undefined, text: undefined, claims: undefined };
  let model: Model;
  let written: Uint8Array;
  try {
    model = await readModel(test.model);
    written = writeModel(model);
  } catch (cause) {
    return { ...start, read: messageOf(cause) };
  }
  const bytes = await failureOf(async () => equal(writeModel(await readModel(written)), written));
  const text = await failureOf(() => equal(writeModel(parse(print(model, { weights: true }))), written));
  return { ...start, read: undefined, bytes, text, claims: claimsOf(model, test), bytesWritten: written };
}

/** Examines a test; `run` false leaves ONNX Runtime out. */
export async function examine(id: string, run: boolean): Promise<Finding> {
  const test = readCase(id);
  const { bytesWritten, ...finding } = await structure(test);
  if (!run) return { ...finding, original: null, written: null };
  const original = await runCase(test.model, test);
  return { ...finding, original, written: bytesWritten ? await runCase(bytesWritten, test) : null };
}
