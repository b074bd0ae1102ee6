import {
  float32,
  GraphBuilder,
  type Model,
  modelOf,
  scalarTensor,
  setStepSignature,
  stepSignature,
  type Tensor,
} from '@neuroprune/onnx';
import { describe, expect, it } from 'vitest';
import { batchesOf, carried, firstState, stepModel } from '../test/step.js';
import type { Batch } from './batch.js';
import { createInference } from './inference.js';
import type { ScalarVectors } from './staging.js';
import { createTraining, type Training } from './training.js';

const session = { threads: 1 };
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

const copyOf = (state: ReadonlyMap<string, Tensor>): Record<string, number[]> =>
  Object.fromEntries([...state].map(([name, { data }]) => [name, Array.from(data as Float32Array)]));

/** Takes the batches, so many a run; returns all results and the state after. */
async function inRunsOf(size: number, options = session) {
  await using training = await createTraining(stepModel(), firstState(), options);
  const results: Record<string, number[]> = { loss: [], tokens: [] };
  for (let at = 0; at < batches.length; at += size) {
    const part = batches.slice(at, at + size);
    const run = await training.run(part, scalars(at, part.length));
    for (const [name, values] of Object.entries(run)) results[name]!.push(...values);
  }
  return { results, state: await training.withState(copyOf) };
}

/** The same with the step graph itself, a run a step, and nothing of this package but `createInference`. */
async function stepByStep() {
  await using inference = await createInference(stepModel(), session);
  const state = firstState();
  const results: Record<string, number[]> = { loss: [], tokens: [] };
  for (const [i, batch] of batches.entries()) {
    const { lr, momentum } = scalars(i, 1);
    const inputs = new Map<string, Tensor>([
      ...state,
      ['lr', scalarTensor(lr![0]!)],
      ['momentum', scalarTensor(momentum![0]!)],
      ['input_ids', ids('int64', batch, 'input_ids')],
      ['attention_mask', ids('int32', batch, 'attention_mask')],
      ['labels', float32(batch.labels)],
      ['weights', float32(batch.weights)],
    ]);
    const outputs = await inference.run(inputs, ['loss', 'tokens', ...carried.map(([, output]) => output)]);
    for (const [name, values] of Object.entries(results)) values.push(outputs.get(name)!.data[0] as number);
    for (const [input, output] of carried) state.set(input, outputs.get(output)!);
  }
  return { results, state: copyOf(state) };
}

function ids(dtype: 'int64' | 'int32', { rows, length, inputs }: Batch, name: string): Tensor {
  const values = inputs[name]!;
  const data = dtype === 'int32' ? values : BigInt64Array.from(values, BigInt);
  return { dtype, dims: [rows, length], data };
}

describe('many steps in one run', () => {
  it.each([1, 2, 4, 6])('%i a run give the bits of the plain step graph', async (size) => {
    const expected = await stepByStep();
    const actual = await inRunsOf(size);
    expect(actual).toEqual(expected);
    expect(actual.results.tokens).toEqual(batches.map((b) => b.tokens));
  });

  it('learn', async () => {
    await using training = await createTraining(stepModel(), firstState(), session);
    const again = Array.from({ length: 60 }, () => batches[0]!);
    const { loss } = await training.run(again, { lr: fill(60, 0.02), momentum: fill(60, 0.5) });
    expect(loss![59]).toBeLessThan(loss![0]! / 100);
  });

  it.each([1, 2])('give the same bits twice on %i threads', async (threads) => {
    expect(await inRunsOf(3, { threads })).toEqual(await inRunsOf(3, { threads }));
  });

  it('may be none: the state stays as it is', async () => {
    await using training = await createTraining(stepModel(), firstState(), session);
    expect(await training.run([], scalars(0, 0))).toEqual({ loss: new Float32Array(), tokens: new Float32Array() });
    expect(await training.withState(copyOf)).toEqual(copyOf(firstState()));
  });

  it('keep the batches’ arrays with the caller', async () => {
    const before = structuredClone(batches);
    await inRunsOf(6);
    expect(batches).toEqual(before);
  });
});

const fill = (count: number, value: number) => new Float32Array(count).fill(value);

describe('state', () => {
  /** The state after two steps, when `change` was made between them. */
  async function changed(change: (training: Training) => Promise<unknown>) {
    await using training = await createTraining(stepModel(), firstState(), session);
    await training.run([batches[0]!], scalars(0, 1));
    await change(training);
    await training.run([batches[1]!], scalars(1, 1));
    return await training.withState(copyOf); // before the session is closed
  }

  it('changes in place, whether tensors are written, replaced, or cut out of larger arrays', async () => {
    const untouched = await changed(async () => undefined);
    const written = await changed((training) =>
      training.withState((state) => {
        (state.get('words.w')!.data as Float32Array)[3] = 7;
      }),
    );
    const replaced = await changed((training) =>
      training.withState((state) => {
        const { data, dims } = state.get('words.w')!;
        const larger = new Float32Array(data.length + 8);
        larger.set(data as Float32Array, 4);
        larger[7] = 7;
        state.set('words.w', float32(larger.subarray(4, 4 + data.length), dims));
      }),
    );
    expect(replaced).toEqual(written);
    expect(written['words.w']![3]).not.toBe(untouched['words.w']![3]);
    expect(await changed((training) => training.withState(() => undefined))).toEqual(untouched);
  });

  it('is whole again after an error in the callback, which comes through', async () => {
    const after = await changed(async (training) => {
      const failing = training.withState(() => {
        throw new Error('mine');
      });
      await expect(failing).rejects.toThrow(/^mine$/);
    });
    expect(after).toEqual(await changed(async () => undefined));
  });

  it('lends the part that is asked for, and keeps the rest', async () => {
    await using training = await createTraining(stepModel(), firstState(), session);
    const before = await training.withState(copyOf);
    const [name = ''] = Object.keys(before);
    await training.withState(
      (state) => {
        expect([...state.keys()]).toEqual([name]);
        (state.get(name)!.data as Float32Array).fill(7);
      },
      new Set([name]),
    );
    const after = await training.withState(copyOf);
    expect(after).toEqual({ ...before, [name]: before[name]!.map(() => 7) });
  });
  it('waits for callbacks that take their time', async () => {
    await using training = await createTraining(stepModel(), firstState(), session);
    await training.withState(async (state) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      (state.get('bias.w')!.data as Float32Array)[0] = 9;
    });
    expect((await training.withState(copyOf))['bias.w']).toEqual([9]);
  });

  it('moves: a second training needs its own', async () => {
    const state = firstState();
    await using _ = await createTraining(stepModel(), state, session);
    await expect(createTraining(stepModel(), state, session)).rejects.toMatchObject({
      kind: 'input',
      message: "runtime: state: expected 'words.w' float32 [2,12], got 0 numbers; make it with initialState()",
    });
  });
});

describe('clear errors', () => {
  const batch = batches[0]!;
  const rows: [string, Batch, ScalarVectors, string][] = [
    ['no scalar', batch, { lr: fill(1, 0.1) }, "scalar 'momentum': expected 1 numbers, one a step, got none"],
    [
      'too few scalars',
      batch,
      { lr: fill(0, 0), momentum: fill(1, 0) },
      "scalar 'lr': expected 1 numbers, one a step, got 0",
    ],
    [
      'no batch input',
      { ...batch, inputs: { input_ids: batch.inputs.input_ids! } },
      scalars(0, 1),
      "batch: expected the input 'attention_mask', got input_ids",
    ],
    [
      'a short batch input',
      { ...batch, inputs: { ...batch.inputs, input_ids: new Int32Array(14) } },
      scalars(0, 1),
      "batch of 3 rows of 5: expected 15 numbers in 'input_ids', got 14",
    ],
    [
      'scores for ids',
      { ...batch, inputs: { ...batch.inputs, input_ids: new Float32Array(15) as unknown as Int32Array } },
      scalars(0, 1),
      "batch of 3 rows of 5: expected whole numbers (Int32Array) in 'input_ids', got a Float32Array",
    ],
    [
      'labels of other rows',
      { ...batch, labels: new Float32Array(4) },
      scalars(0, 1),
      "batch of 3 rows of 5: expected 3 numbers in 'labels', got 4",
    ],
  ];
  it.each(rows)('%s', async (_, given, numbers, message) => {
    await using training = await createTraining(stepModel(), firstState(), session);
    await expect(training.run([given], numbers)).rejects.toMatchObject({
      name: 'RuntimeError',
      kind: 'input',
      message: `runtime: ${message}`,
    });
    expect(await training.withState(copyOf)).toEqual(copyOf(firstState()));
  });

  const without = (name: string) => new Map([...firstState()].filter(([key]) => key !== name));
  const states: [string, Map<string, Tensor>, string][] = [
    ['a missing state tensor', without('bias.m'), "expected 'bias.m' float32 [1], got none"],
    ['one of another size', without('bias.m').set('bias.m', float32([1, 2])), "'bias.m' float32 [1], got 2 numbers"],
  ];
  it.each(states)('%s', async (_, state, message) => {
    await expect(createTraining(stepModel(), state, session)).rejects.toThrow(message);
  });

  const models: [string, () => Model, RegExp][] = [
    ['a model that is no step graph', () => ({ ...stepModel(), metadata: {} }), /expected a step graph/],
    [
      'a signature that names what the graph lacks',
      () => {
        const model = stepModel();
        return setStepSignature(model, { ...stepSignature(model), results: ['loss', 'accuracy'] });
      },
      /step graph: expected 'accuracy' as its signature says, got none/,
    ],
  ];
  it.each(models)('%s', async (_, model, message) => {
    await expect(createTraining(model(), firstState(), session)).rejects.toThrow(message);
  });

  it('an error inside the graph leaves the state as it was', async () => {
    await using training = await createTraining(stepModel(), firstState(), session);
    const outside = { ...batch, inputs: { ...batch.inputs, input_ids: new Int32Array(15).fill(99) } };
    await expect(training.run([outside], scalars(0, 1))).rejects.toMatchObject({ name: 'RuntimeError', kind: 'job' });
    expect(await training.withState(copyOf)).toEqual(copyOf(firstState()));
  });

  it('use after closing; closing twice is nothing', async () => {
    const training = await createTraining(stepModel(), firstState(), session);
    await training.close();
    await training.close();
    await expect(training.run([], scalars(0, 0))).rejects.toThrow('session: expected an open one');
  });
});

describe('a batch whose inputs have lengths of their own', () => {
  const axis = 'decoder_sequence';
  /** w' = w + Σ read + Σ 100·written, told as a result. */
  function twoTexts(): Model {
    const builder = new GraphBuilder();
    const { op } = builder;
    const sum = (name: string, along: string) => {
      const ids = builder.input(name, 'int64', ['batch', along]);
      return op.ReduceSum(op.Cast(ids, { to: 1 }), undefined, { keepdims: 0 });
    };
    const read = sum('input_ids', 'sequence');
    const written = sum('labels', axis);
    const w = builder.input('sum.w', 'float32', [1]);
    builder.output(op.Add(read, op.Mul(written, 100)), 'loss');
    builder.output(op.Add(w, op.Reshape(op.Add(read, op.Mul(written, 100)), builder.ints(1))), 'sum.w.next');
    return setStepSignature(modelOf(builder.graph), {
      stacks: [{ name: 'sum', members: ['sum'], shape: [1], slots: ['w'], masked: false }],
      copies: [],
      variables: [],
      batch: [
        { name: 'input_ids', dtype: 'int64', rank: 2 },
        { name: 'labels', dtype: 'int64', rank: 2, axis },
      ],
      scalars: [],
      results: ['loss'],
    });
  }
  const text = (rows: number, length: number, written: number, from: number): Batch => ({
    rows,
    length,
    lengths: { [axis]: written },
    inputs: { input_ids: Int32Array.from({ length: rows * length }, (_, i) => from + i) },
    labels: Int32Array.from({ length: rows * written }, (_, i) => from + i),
    weights: new Float32Array(rows).fill(1),
    tokens: rows * (length + written),
  });
  const given = [text(2, 3, 1, 1), text(1, 2, 4, 20), text(3, 1, 2, 50)];
  const total = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);

  it('each step reads its own part of both', async () => {
    await using training = await createTraining(twoTexts(), new Map([['sum.w', float32([0])]]), session);
    const { loss } = await training.run(given, {});
    const wanted = given.map(({ inputs, labels }) => total(inputs.input_ids!) + 100 * total(labels));
    expect([...loss!]).toEqual(wanted);
    expect(await training.withState((state) => state.get('sum.w')!.data[0])).toBe(total(wanted));
  });

  it('labels of another length are refused', async () => {
    await using training = await createTraining(twoTexts(), new Map([['sum.w', float32([0])]]), session);
    const short = { ...given[0]!, lengths: { [axis]: 2 } };
    await expect(training.run([short], {})).rejects.toThrow("expected 4 numbers in 'labels', got 2");
  });
});
