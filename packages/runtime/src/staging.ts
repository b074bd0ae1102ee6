import { type StepSignature, scalarTensor, type Tensor, tensor } from '@neuroprune/onnx';
import { type Batch, lengthAlong } from './batch.js';
import { RuntimeError } from './errors.js';
import { EVENT, type EventInterface } from './event.js';
import { axesOf, outerName, stagingInputs, stagingOf } from './loop.js';
import type { Inputs } from './worker-protocol.js';

/** Numbers a step of every scalar input; each vector is as long as the batches. */
export type ScalarVectors = Readonly<Record<string, Float32Array>>;

/** The flat arrays that a loop graph reads its steps' batches and scalars from. */
export function stageSteps(
  signature: StepSignature,
  batches: readonly Batch[],
  scalars: ScalarVectors,
): Map<string, Tensor> {
  const count = batches.length;
  const staged = new Map<string, Tensor>([
    [stagingInputs.steps, tensor('int64', [], BigInt64Array.of(BigInt(count)))],
    [stagingInputs.rows, vector(batches.map((b) => b.rows))],
    [stagingInputs.rowOffsets, vector(offsets(batches.map((b) => b.rows)))],
  ]);
  for (const axis of axesOf(signature)) {
    const { lengths, tokenOffsets } = stagingOf(axis);
    staged.set(lengths, vector(batches.map((b) => lengthAlong(b, axis))));
    staged.set(tokenOffsets, vector(offsets(batches.map((b) => b.rows * lengthAlong(b, axis)))));
  }
  for (const input of signature.batch)
    staged.set(
      outerName(input.name),
      flat(
        narrow(input.dtype),
        batches.map((b) => checked(b, input)),
      ),
    );
  for (const name of signature.scalars)
    staged.set(outerName(name), tensor('float32', [count], numbersOf(scalars, name, count).slice()));
  return staged;
}

/** The inputs of each step by itself, under the step's own names; whole numbers are int32. */
export const stageEach = (
  signature: StepSignature,
  batches: readonly Batch[],
  scalars: ScalarVectors,
  event?: EventInterface,
): readonly Inputs[] => {
  const vectors = (names: readonly string[]) =>
    names.map((name) => [name, numbersOf(scalars, name, batches.length)] as const);
  const [numbers, flags, given] = [signature.scalars, event ? [EVENT] : [], event?.scalars ?? []].map(vectors) as [
    ReturnType<typeof vectors>,
    ReturnType<typeof vectors>,
    ReturnType<typeof vectors>,
  ];
  const at = (from: ReturnType<typeof vectors>, i: number) =>
    from.map(([name, values]) => [name, scalarTensor(values[i] as number)] as const);
  return batches.map((batch, i) => ({
    inputs: [
      ...signature.batch.map(
        (input) => [input.name, inputTensor(narrow(input.dtype), checked(batch, input), dimsOf(batch, input))] as const,
      ),
      ...at(numbers, i),
    ],
    ...(flags.some(([, values]) => (values[i] as number) > 0.5) && { event: at(given, i) }),
  }));
};

/** What carries a batch into a step. */
type BatchInput = StepSignature['batch'][number];

/** Whole numbers are staged as they are in batches: 64 bits are made of 32 where the steps run. */
const narrow = (dtype: FlatType): FlatType => (dtype === 'int64' ? 'int32' : dtype);

const dimsOf = (batch: Batch, { rank, width, axis }: BatchInput): number[] => [
  batch.rows,
  ...(rank === 2 ? [lengthAlong(batch, axis)] : []),
  ...(width === undefined ? [] : [width]),
];

function numbersOf(scalars: ScalarVectors, name: string, count: number): Float32Array {
  const values = scalars[name];
  if (values?.length === count) return values;
  throw new RuntimeError(
    `scalar '${name}': expected ${count} numbers, one a step, got ${values?.length ?? 'none'}`,
    'input',
  );
}

const vector = (values: readonly number[]): Tensor =>
  tensor('int64', [values.length], BigInt64Array.from(values, BigInt));

function offsets(sizes: readonly number[]): number[] {
  let at = 0;
  return sizes.map((size) => {
    at += size;
    return at - size;
  });
}

/** A batch's array under the step graph's input name: `labels`, `weights`, or one of the model's or the teacher's. */
export function batchInput(batch: Batch, name: string): Int32Array | Float32Array {
  const own = { labels: batch.labels, weights: batch.weights };
  const values = Object.hasOwn(own, name)
    ? own[name as keyof typeof own]
    : (batch.inputs[name] ?? batch.teacher?.[name]);
  if (!values)
    throw new RuntimeError(`batch: expected the input '${name}', got ${Object.keys(batch.inputs).join(', ')}`, 'input');
  return values;
}

/** A batch's array after a check: one of another size would shift the batches of all later steps. */
function checked(batch: Batch, input: BatchInput) {
  const { name, dtype } = input;
  const values = batchInput(batch, name);
  const size = dimsOf(batch, input).reduce((a, b) => a * b);
  const fail = (expected: string, got: string | number): never => {
    throw new RuntimeError(
      `batch of ${batch.rows} rows of ${batch.length}: expected ${expected} in '${name}', got ${got}`,
      'input',
    );
  };
  if (values.length !== size) fail(`${size} numbers`, values.length);
  if (dtype !== 'float32' && values instanceof Float32Array) fail('whole numbers (Int32Array)', 'a Float32Array');
  return values;
}

type FlatType = 'int64' | 'int32' | 'float32';
const arrays = { int64: BigInt64Array, int32: Int32Array, float32: Float32Array } as const;

function flat(dtype: FlatType, parts: readonly (Int32Array | Float32Array)[]): Tensor {
  const size = parts.reduce((n, p) => n + p.length, 0);
  const data = new arrays[dtype](size);
  let at = 0;
  for (const part of parts) {
    if (data instanceof BigInt64Array) for (let i = 0; i < part.length; i++) data[at + i] = BigInt(part[i] as number);
    else data.set(part, at);
    at += part.length;
  }
  return tensor(dtype, [size], data);
}

/** One array as a tensor of the type a graph input wants. */
export const inputTensor = (dtype: FlatType, values: Int32Array | Float32Array, dims: readonly number[]): Tensor => ({
  ...flat(dtype, [values]),
  dims,
});
