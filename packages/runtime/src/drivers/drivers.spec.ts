import {
  codeOf,
  float32,
  GraphBuilder,
  type Model,
  modelOf,
  Node,
  scalarTensor,
  setStepSignature,
  stepSignature,
  type Tensor,
  type Value,
} from '@neuroprune/onnx';
import { describe, expect, it } from 'vitest';
import { devices, titleOf } from '../../test/devices.js';
import { batchesOf, firstState, stepModel } from '../../test/step.js';
import { providers } from '../device.js';
import { createInference } from '../inference.js';
import type { ScalarVectors } from '../staging.js';
import { createTraining, type Training } from '../training.js';
import { drivers } from './driver.js';

const batches = batchesOf([
  [3, 5],
  [1, 9],
  [4, 2],
  [2, 2],
  [5, 7],
  [3, 5],
]);

/** Other numbers each step, so that a step which took its neighbour's would show. */
const scalars = (from: number, count: number): ScalarVectors => ({
  lr: Float32Array.from({ length: count }, (_, i) => 0.01 + 0.003 * (from + i)),
  momentum: Float32Array.from({ length: count }, (_, i) => 0.9 - 0.05 * (from + i)),
});

type Numbers = Readonly<Record<string, readonly number[]>>;

const copyOf = (state: ReadonlyMap<string, Tensor>): Numbers =>
  Object.fromEntries([...state].map(([name, { data }]) => [name, Array.from(data as Float32Array)]));

/** Sums go in another order on a GPU: a few roundings of float32 a step. */
const BAND = 2e-5;

/** The largest distance of two sets of numbers, in units of the larger one's size. */
function distance(actual: Numbers, expected: Numbers): number {
  expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
  return Math.max(
    ...Object.entries(expected).map(([name, values]) => {
      const size = Math.max(1e-3, ...values.map(Math.abs));
      expect(actual[name]).toHaveLength(values.length);
      return Math.max(0, ...values.map((value, i) => Math.abs(value - (actual[name]?.[i] as number)) / size));
    }),
  );
}

/** What the steps come to, so many a chunk. */
async function inChunksOf(size: number, device: (typeof devices)[number]['device']) {
  await using training = await createTraining(stepModel(), firstState(), { device, threads: 1 });
  const results: Record<string, number[]> = { loss: [], tokens: [] };
  for (let at = 0; at < batches.length; at += size) {
    const part = batches.slice(at, at + size);
    const run = await training.run(part, scalars(at, part.length));
    for (const [name, values] of Object.entries(run)) results[name]?.push(...values);
  }
  return { results, state: await training.withState(copyOf) };
}

/** An event that multiplies the words by a factor and gives their sum. */
function scaling(): Model {
  const builder = new GraphBuilder();
  const words = builder.op.Mul(builder.input('words.w', 'float32', [2, 12]), builder.input('factor', 'float32', []));
  builder.output(words, 'words.w.next');
  builder.output(builder.op.ReduceSum(words, undefined, { keepdims: 0 }), 'sum');
  return modelOf(builder.graph);
}

const suites = devices.map((found) => [titleOf(found), found] as const);

describe.each(suites)('%s', (_, { device, absent }) => {
  const test = it.skipIf(absent !== undefined);
  const session = { device, threads: 1 };

  test('takes the steps of cpu, however long the chunks and ragged the batches', async () => {
    const expected = await inChunksOf(1, 'cpu');
    const whole = await inChunksOf(batches.length, device);
    expect(distance(whole.results, expected.results)).toBeLessThan(BAND);
    expect(distance(whole.state, expected.state)).toBeLessThan(BAND);
    expect(whole.results.tokens).toEqual(batches.map((b) => b.tokens));
    for (const size of [1, 2, 4]) expect(await inChunksOf(size, device)).toEqual(whole);
  });

  test('keeps buffers on webgpu where it is told how large batches are, and takes the same steps', async () => {
    const largest = () => ({ rows: 2, length: 4 });
    await using told = await createTraining(stepModel(), firstState(), { ...session, largest });
    await using plain = await createTraining(stepModel(), firstState(), session);
    expect([told, plain].map((training) => training.session.keepsBuffers)).toEqual(
      device === 'webgpu' ? [true, undefined] : [undefined, undefined],
    );
    const [kept, made] = [told, plain].map((training) => training.run(batches, scalars(0, batches.length)));
    expect(await kept).toEqual(await made);
  });

  test('takes no step of no batches', async () => {
    await using training = await createTraining(stepModel(), firstState(), session);
    expect(await training.run([], scalars(0, 0))).toEqual({ loss: new Float32Array(), tokens: new Float32Array() });
    expect(await training.withState(copyOf)).toEqual(copyOf(firstState()));
  });

  /** The state after two steps, when `change` was made between them. */
  async function changed(change: (training: Training) => Promise<unknown>) {
    await using training = await createTraining(stepModel(), firstState(), session);
    await training.run([batches[0]!], scalars(0, 1));
    await change(training);
    await training.run([batches[1]!], scalars(1, 1));
    return await training.withState(copyOf); // before the session is closed
  }

  test('lends the state, which is as it was or as it was changed', async () => {
    const untouched = await changed(async () => undefined);
    expect(await changed((training) => training.withState(() => undefined))).toEqual(untouched);
    const written = await changed((training) =>
      training.withState((state) => {
        (state.get('words.w')!.data as Float32Array)[3] = 7;
      }),
    );
    expect(written['words.w']![3]).toBeGreaterThan(6);
    const after = await changed(async (training) => {
      const failing = training.withState(() => {
        throw new Error('mine');
      });
      await expect(failing).rejects.toThrow(/^mine$/);
    });
    expect(after).toEqual(untouched);
  });

  test('has a module change the state where it lies', async () => {
    const module = `data:text/javascript,${encodeURIComponent(`export async function change(state, { at, to }) {
      const words = state.get('words.w');
      const before = words.data.slice();
      words.data[at] = to;
      if (to > 99) throw new Error('too large');
      return { value: [...state.keys()], tensors: [['before', { ...words, data: before }]] };
    }`)}`;
    const argument = { at: 3, to: 7 };
    const names = new Set(['words.w']);
    const written = await changed(async (training) => {
      const { value, tensors } = await training.changeState({ module, argument }, names);
      expect(value).toEqual(['words.w']);
      expect(tensors.map(([name, { dims }]) => [name, dims])).toEqual([['before', [2, 12]]]);
      expect(tensors[0]?.[1].data[3]).toBeLessThan(6);
    });
    expect(written['words.w']![3]).toBeGreaterThan(6);
    await using training = await createTraining(stepModel(), firstState(), session);
    const failing = training.changeState({ module, argument: { at: 3, to: 100 } });
    await expect(failing).rejects.toThrow(/too large/);
    expect((await training.withState(copyOf))['words.w']![3]).toBe(100); // what was done before it failed is there
  });

  test('keeps the batches’ and the scalars’ arrays with the caller', async () => {
    const given = scalars(0, batches.length);
    const before = structuredClone({ batches, given });
    await using training = await createTraining(stepModel(), firstState(), session);
    await training.run(batches, given);
    expect({ batches, given }).toEqual(before);
  });

  test.each([1, 2, 6])('has events between steps as the host would, %i steps a chunk', async (size) => {
    const after = [0, 1, 0, 0, 1, 1];
    const factor = Float32Array.of(9, 0.5, 9, 9, 0.25, -1);
    await using host = await createTraining(stepModel(), firstState(), { device: 'cpu', threads: 1 });
    await using training = await createTraining(stepModel(), firstState(), { ...session, event: scaling() });
    expect(training.signature.scalars).toEqual(['lr', 'momentum', 'event', 'factor']);
    const [losses, sums, expected]: number[][] = [[], [], []];
    for (const [i, batch] of batches.entries()) {
      expected.push((await host.run([batch], scalars(i, 1))).loss![0]!);
      if (!after[i]) continue;
      await host.withState((state) => {
        const words = state.get('words.w')!.data as Float32Array;
        for (let at = 0; at < words.length; at++) words[at]! *= factor[i]!;
      });
    }
    for (let at = 0; at < batches.length; at += size) {
      const part = batches.slice(at, at + size);
      const given = { event: Float32Array.from(after.slice(at, at + size)), factor: factor.slice(at, at + size) };
      const run = await training.run(part, { ...scalars(at, part.length), ...given });
      losses.push(...run.loss!);
      sums.push(...run.sum!);
    }
    expect(distance({ losses }, { losses: expected })).toBeLessThan(BAND);
    expect(sums.map((sum) => Number(!Number.isNaN(sum)))).toEqual(after);
    const [actual, wanted] = [await training.withState(copyOf), await host.withState(copyOf)];
    expect(distance(actual, wanted)).toBeLessThan(BAND);
    expect(sums[5]).toBeCloseTo(
      wanted['words.w']!.reduce((a, b) => a + b),
      4,
    );
  });

  test('refuses an event that takes state and gives none back', async () => {
    const event = scaling();
    event.graph.outputs = event.graph.outputs.slice(1);
    await expect(createTraining(stepModel(), firstState(), { ...session, event })).rejects.toThrow(
      "runtime: event: expected the output 'words.w.next' of what it takes, got none",
    );
  });

  test('says what is wrong with a model, and takes the next', async () => {
    const model = stepModel();
    const node = model.graph.nodes.find(({ opType }) => opType === 'Mul')!;
    model.graph.nodes[model.graph.nodes.indexOf(node)] = new Node('Mill', node.inputs, node.outputs);
    await expect(createTraining(model, firstState(), session)).rejects.toMatchObject({
      name: 'RuntimeError',
      kind: 'job',
      message: expect.stringMatching(/^runtime: model: expected one that ONNX Runtime loads, got: .*Mill/s),
    });
    expect((await inChunksOf(6, device)).results.tokens).toHaveLength(6);
  });

  test('refuses a batch of another size and leaves the state as it was', async () => {
    await using training = await createTraining(stepModel(), firstState(), session);
    const labels = new Float32Array(4);
    await expect(training.run([{ ...batches[0]!, labels }], scalars(0, 1))).rejects.toMatchObject({
      kind: 'input',
      message: "runtime: batch of 3 rows of 5: expected 3 numbers in 'labels', got 4",
    });
    expect(await training.withState(copyOf)).toEqual(copyOf(firstState()));
  });

  test('runs a model for its outputs', async () => {
    await using inference = await createInference(stepModel(), session);
    const [batch] = batchesOf([[2, 3]]);
    const ids = BigInt64Array.from(batch!.inputs.input_ids!, BigInt);
    const inputs = new Map<string, Tensor>([
      ...firstState(),
      ['lr', scalarTensor(0.1)],
      ['momentum', scalarTensor(0.5)],
      ['input_ids', { dtype: 'int64', dims: [2, 3], data: ids }],
      ['attention_mask', { dtype: 'int32', dims: [2, 3], data: batch!.inputs.attention_mask! }],
      ['labels', float32(batch!.labels)],
      ['weights', float32(batch!.weights)],
    ]);
    const outputs = await inference.run(inputs, ['tokens', 'bias.w.next']);
    expect([...outputs.keys()]).toEqual(['tokens', 'bias.w.next']);
    expect(outputs.get('tokens')?.data[0]).toBe(batch!.tokens);
  });
});

/** A step whose products are in float16. */
function halfStep() {
  const model = stepModel();
  const builder = new GraphBuilder(model.graph);
  const [loss] = model.graph.outputs.filter(({ name }) => name === 'loss') as [Value];
  const half = builder.op.Cast(builder.op.Cast(loss, { to: codeOf('float16') }), { to: codeOf('float32') });
  half.name = 'half';
  model.graph.outputs.push(half);
  return setStepSignature(model, { ...stepSignature(model), results: ['loss', 'tokens', 'half'] });
}

it.skipIf(devices[1]?.absent !== undefined)('computes in float16 on webgpu, or says what is missing', async () => {
  const created = createTraining(halfStep(), firstState(), { device: 'webgpu', threads: 1 });
  const training = await created.catch((error: unknown) => error);
  if (training instanceof Error) {
    expect(training).toMatchObject({
      kind: 'input',
      message: 'runtime: precision: expected an adapter with shader-f16 on webgpu, got one without; use fp32',
    });
    return;
  }
  const { loss, half } = await (training as Training).run(batches, scalars(0, batches.length));
  expect(half?.every((value, i) => Math.abs(value / loss![i]! - 1) < 1e-3)).toBe(true);
  await (training as Training).close();
});

it('has a driver for each provider', () => {
  expect(Object.keys(drivers).sort()).toEqual([...providers].sort());
});
