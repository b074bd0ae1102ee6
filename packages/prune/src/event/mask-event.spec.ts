import { initialState, parametersOf, type State, trainable } from '@neuroprune/autodiff';
import { float32, scalarTensor, slotInput, slotOutput, stackDims, stepSignature, type Tensor } from '@neuroprune/onnx';
import { createInference } from '@neuroprune/runtime';
import { describe, expect, it, test } from 'vitest';
import { tinyBert } from '../../test/tiny-bert.js';
import { liveHeadCount } from '../heads/attention-layer.js';
import { countZeros, kinds, matricesOf } from '../layer.js';
import type { ThresholdMethod } from '../method.js';
import { prunableLayers, prunableNames } from '../prunable-layer.js';
import { prunerOf } from '../train/pruner.js';
import { type MaskMethod, maskEvent } from './mask-event.js';

const tiny = tinyBert();
const step = (stackLimit: number) =>
  trainable(tiny.model, { loss: 'crossEntropy', dropout: 0, masked: prunableNames(tiny.groups), stackLimit });

/** The state of the model, with some weights at zero and a head that is gone. */
function planted(signature: ReturnType<typeof stepSignature>): State {
  const state = initialState(tiny.model, signature);
  const layers = prunableLayers(tiny.groups, parametersOf(state, signature));
  for (const { data } of matricesOf(layers)) for (let i = 0; i < data.length; i += 9) data[i] = 0;
  layers[0]!.value.data.fill(0, 0, 4 * 16);
  return state;
}

const threshold = (changes: Partial<ThresholdMethod> = {}): ThresholdMethod => ({
  name: 'neuroprune',
  solver: 'threshold',
  sparsity: 0.6,
  outGrouping: 'joint',
  gamma: 1,
  ...changes,
});

/** A ramp in which the event after step 12 cuts masks and removes no head. */
const ramp = { steps: 100, from: 0, to: 0.9, every: 4, headsEvery: 0.5, slack: 0 };
const AT = 12;

/** What the pruner makes of a state on the host. */
function onHost(method: MaskMethod, signature: ReturnType<typeof stepSignature>) {
  const state = planted(signature);
  const layers = prunableLayers(tiny.groups, parametersOf(state, signature));
  expect(prunerOf(method, tiny.groups, ramp).apply(AT, layers)).toEqual([]);
  return layers;
}

/** What the graph makes of it. */
async function inGraph(
  method: MaskMethod,
  signature: ReturnType<typeof stepSignature>,
  sparsity: number,
  sample?: number,
) {
  const state = planted(signature);
  const masked = signature.stacks.filter((stack) => stack.masked);
  await using event = await createInference(maskEvent(signature, tiny.groups, method, sample)!, { threads: 1 });
  const inputs = new Map<string, Tensor>(masked.map((s) => [slotInput(s, 'w'), state.get(slotInput(s, 'w'))!]));
  const outputs = await event.run(inputs.set('event.sparsity', scalarTensor(sparsity)), [
    'event.zeros',
    'event.heads',
    ...masked.map((s) => slotOutput(s, 'w')),
  ]);
  for (const s of masked)
    state.set(slotInput(s, 'w'), float32(outputs.get(slotOutput(s, 'w'))!.data as Float32Array, stackDims(s)));
  const layers = prunableLayers(tiny.groups, parametersOf(state, signature));
  return { layers, zeros: outputs.get('event.zeros')?.data[0], heads: outputs.get('event.heads')?.data[0] };
}

const sparsity = (target: number) => target * (1 - (1 - AT / 90) ** 3);

const methods: [string, MaskMethod, number][] = [
  ['gradual', { name: 'gradual', sparsity: 0.7 }, 0.7],
  ['joint degrees', threshold(), 0.6],
  ['degrees of units, to a half', threshold({ outGrouping: 'unit', gamma: 0.5 }), 0.6],
  ['degrees of rows, to a high sparsity', threshold({ outGrouping: 'row', sparsity: 0.95 }), 0.95],
  ['magnitudes alone', threshold({ gamma: 0 }), 0.6],
  ['heads to go', threshold({ heads: 3, sparsity: 0.7 }), 0.7],
  ['more dead heads than the sparsity asks for', threshold({ heads: 1, sparsity: 0.2 }), 0.2],
];

describe.each([2, 7, 30])('stacks of %i', (limit) => {
  it.each(methods)('cuts the weights that the host cuts: %s', async (_, method, target) => {
    const signature = stepSignature(step(limit));
    const expected = onHost(method, signature);
    const actual = await inGraph(method, signature, sparsity(target));
    const zeros = matricesOf(actual.layers).map(({ data }) => [...data].flatMap((w, i) => (w === 0 ? [i] : [])));
    expect(zeros).toEqual(matricesOf(expected).map(({ data }) => [...data].flatMap((w, i) => (w === 0 ? [i] : []))));
    expect(matricesOf(actual.layers).map(({ data }) => data)).toEqual(matricesOf(expected).map(({ data }) => data));
    expect(actual.zeros).toBe(countZeros(matricesOf(expected)));
    expect(actual.heads).toBe(liveHeadCount(expected));
  });
});

test('kinds are cut each to its own share, and a share that is there changes nothing', async () => {
  const signature = stepSignature(step(30));
  const of = async (share: number) => {
    const { layers } = await inGraph(threshold({ gamma: 0 }), signature, share);
    return kinds.map(
      (kind) => countZeros(matricesOf(layers, kind)) / matricesOf(layers, kind).reduce((n, m) => n + m.data.length, 0),
    );
  };
  const before = await of(0);
  expect(before.every((share) => share > 0.1 && share < 0.2)).toBe(true);
  for (const share of await of(0.5)) expect(share).toBeCloseTo(0.5, 2);
});

test('of samples, thresholds are near to those of all scores', async () => {
  const signature = stepSignature(step(30));
  const zerosOf = async (sample?: number) => Number((await inGraph(threshold(), signature, 0.5, sample)).zeros);
  const [all, sampled] = [await zerosOf(), await zerosOf(500)];
  expect(sampled).not.toBe(all);
  expect(Math.abs(sampled - all) / all).toBeLessThan(5e-3);
});

test('layouts that only the host reads have no graph', () => {
  const signature = stepSignature(step(30));
  const [first, ...others] = tiny.groups;
  const transposed = {
    ...first!,
    heads: { ...first!.heads, query: { ...first!.heads.query, transposed: true as const } },
  };
  expect(maskEvent(signature, [transposed, ...others], threshold())).toBeUndefined();
  expect(maskEvent(signature, [first!, first!], threshold())).toBeUndefined();
});
