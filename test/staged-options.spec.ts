import {
  adamw,
  adamwScalars,
  chain,
  clipByGlobalNorm,
  ema,
  emaScalars,
  initialState,
  type TrainableOptions,
  trainable,
} from '@neuroprune/autodiff';
import { float32, GraphBuilder, type Model, modelOf, stateOf, stepSignature, writeModel } from '@neuroprune/onnx';
import { type Batch, createTraining } from '@neuroprune/runtime';
import ort from 'onnxruntime-node';
import { expect, it } from 'vitest';

const [words, width, classes] = [6, 4, 2];
const noise = (dims: number[], seed: number) => {
  const size = dims.reduce((a, b) => a * b, 1);
  return float32(
    Float32Array.from({ length: size }, (_, i) => Math.sin(7 * i + seed)),
    dims,
  );
};

/** Logits from the mean of hidden states [batch, sequence, width] over attended tokens. */
function network(): Model {
  const builder = new GraphBuilder();
  const { op } = builder;
  const shape = ['batch', 'sequence'];
  const ids = builder.input('input_ids', 'int64', shape);
  const mask = op.Unsqueeze(op.Cast(builder.input('attention_mask', 'int64', shape), { to: 1 }), builder.ints(2));
  const hidden = op.Tanh(op.Gather(builder.initializer('words', noise([words, width], 1)), ids));
  const sum = (x: typeof hidden) => op.ReduceSum(x, builder.ints(1), { keepdims: 0 });
  const mean = op.Div(sum(op.Mul(hidden, mask)), sum(mask));
  builder.output(op.MatMul(mean, builder.initializer('out', noise([width, classes], 2))), 'logits');
  builder.output(hidden, 'hidden');
  return modelOf(builder.graph);
}

/** Batches of different rows and lengths, the third with a teacher that gave nonsense. */
const batches = [
  [3, 5],
  [1, 2],
  [4, 3],
  [2, 6],
].map(([rows = 0, length = 0], b): Batch => {
  const each = (count: number, f: (i: number) => number) => Float32Array.from({ length: count }, (_, i) => f(i));
  const ids = Int32Array.from({ length: rows * length }, (_, i) => (5 * i + b) % words);
  const mask = Int32Array.from({ length: rows * length }, (_, i) => Number(i % length < Math.max(1, length - 1)));
  const logits = each(rows * classes, (i) => (b === 2 ? Number.NaN : Math.cos(i + b)));
  return {
    rows,
    length,
    inputs: { input_ids: ids, attention_mask: mask },
    labels: Int32Array.from({ length: rows }, (_, i) => (i + b) % classes),
    weights: each(rows, (i) => Number(i === 0 || i < rows - 1)),
    tokens: mask.reduce((a, c) => a + c, 0),
    teacher: { 'teacher.logits': logits, 'teacher.hidden': each(rows * length * width, (i) => Math.sin(i * b)) },
  };
});

const numbers: Record<string, readonly number[]> = {
  ...Object.fromEntries(
    Object.entries({ ...adamwScalars({ lr: 0.1, weightDecay: 0.1 }), ...emaScalars({ decay: 0.5 }) }).map(
      ([name, x]) => [name, [x, x, x, x]],
    ),
  ),
  share: [0.75, 0.25, 0.6, 0.4],
  apply: [0, 1, 1, 1],
};

type Feeds = Record<string, ort.Tensor>;
const longs = (data: Int32Array | Float32Array, dims: number[]) =>
  new ort.Tensor('int64', BigInt64Array.from(data, BigInt), dims);

function feedsOf({ rows, length, inputs, labels, weights, teacher = {} }: Batch): Feeds {
  const [logits, hidden] = [teacher['teacher.logits']!, teacher['teacher.hidden']!];
  return {
    input_ids: longs(inputs.input_ids!, [rows, length]),
    attention_mask: longs(inputs.attention_mask!, [rows, length]),
    labels: longs(labels, [rows]),
    weights: new ort.Tensor('float32', weights, [rows]),
    'teacher.logits': new ort.Tensor('float32', logits, [rows, classes]),
    'teacher.hidden': new ort.Tensor('float32', hidden, [rows, length, width]),
  };
}

async function stepByStep(step: Model, model: Model) {
  const signature = stepSignature(step);
  const state = new Map(
    [...initialState(model, signature)].map(([n, t]) => [
      n,
      new ort.Tensor('float32', t.data as Float32Array, [...t.dims]),
    ]),
  );
  const session = await ort.InferenceSession.create(writeModel(step), { logSeverityLevel: 3 });
  const results: Record<string, number[]> = {};
  for (const [i, batch] of batches.entries()) {
    const all: Feeds = { ...feedsOf(batch), ...Object.fromEntries(state) };
    for (const name of signature.scalars) all[name] = new ort.Tensor('float32', [numbers[name]![i]!], []);
    const feeds = Object.fromEntries(session.inputNames.map((name) => [name, all[name]!]));
    const outputs = await session.run(feeds);
    for (const name of signature.results) results[name] = [...(results[name] ?? []), outputs[name]!.data[0] as number];
    for (const { input, output } of stateOf(signature)) state.set(input, outputs[output] as ort.TypedTensor<'float32'>);
  }
  return { results, state: Object.fromEntries([...state].map(([name, t]) => [name, [...(t.data as Float32Array)]])) };
}

async function inOneRun(step: Model, model: Model) {
  const signature = stepSignature(step);
  const state = initialState(model, signature);
  await using training = await createTraining(step, state, { threads: 1 });
  const vectors = Object.fromEntries(signature.scalars.map((name) => [name, Float32Array.from(numbers[name]!)]));
  const results = await training.run(batches, vectors);
  return {
    results: Object.fromEntries(Object.entries(results).map(([name, values]) => [name, [...values]])),
    state: await training.withState((s) =>
      Object.fromEntries([...s].map(([name, { data }]) => [name, [...(data as Float32Array)]])),
    ),
  };
}

const distill = { weight: 0.5, temperature: 2, hidden: { hidden: 0.5 } };
const everything = { distill, guard: 'skip' as const, optimizer: chain(clipByGlobalNorm(1), adamw(), ema()) };
const rows: [string, Partial<TrainableOptions>, number[]][] = [
  ['a teacher, averages and a guard', everything, [0, 0, 1, 0]],
  ['accumulation as well', { ...everything, accumulate: true }, [0, 0, 1, 0]],
  ['fp16 as well', { ...everything, accumulate: true, precision: 'fp16', emulatePrecision: true }, [0, 0, 1, 0]],
];

it.each(rows)('many steps in one run give the bits of single ones: %s', async (_, options, skipped) => {
  const model = network();
  const make = () => trainable(model, { loss: 'crossEntropy', ...options });
  const one = await inOneRun(make(), model);
  expect(one).toEqual(await stepByStep(make(), model));
  expect(one.results.skipped).toEqual(skipped);
  expect(Object.values(one.state).flat().every(Number.isFinite)).toBe(true);
});
