import { describe, expect, test } from 'vitest';
import { tinyBert, tinyWeights } from '../../test/tiny-bert.js';
import { liveHeadCount } from '../heads/attention-layer.js';
import { countZeros, type Kind, kinds, matricesOf, type PrunableLayer } from '../layer.js';
import type { Method, SubgradientMethod, ThresholdMethod } from '../method.js';
import { prunableLayers, prunableNames } from '../prunable-layer.js';
import { headEvents, maskEvents } from '../ramp.js';
import { prunerOf } from './pruner.js';

const { model, groups } = tinyBert();
const ramp = { steps: 100, epochSteps: 33 };
const last = 70;

const threshold: ThresholdMethod = {
  name: 'neuroprune',
  solver: 'threshold',
  sparsity: 0.6,
  outGrouping: 'joint',
  gamma: 1,
};
const subgradient: SubgradientMethod = {
  name: 'neuroprune',
  solver: 'subgradient',
  alpha: 0.01,
  beta: 0.02,
  outGrouping: 'joint',
};

/** Layers over copies of the model's weights. */
function layersOf(): PrunableLayer[] {
  const weights = model.graph.initializers.map((v) => [v.name, (v.tensor!.data as Float32Array).slice()] as const);
  return prunableLayers(groups, new Map(weights));
}

const zerosOf = (layers: readonly PrunableLayer[], kind?: Kind) => countZeros(matricesOf(layers, kind));

const masks = [21, 37, 53, 69, 70];
const heads = [10, 15, 20, 25, 30, 33, 35, 40, 45, 50, 55, 60, 65, 66, 70];
const both = [10, 15, 20, 21, 25, 30, 33, 35, 37, 40, 45, 50, 53, 55, 60, 65, 66, 69, 70];

const plans: [string, Method, { events: number[]; masked: boolean; coefficients: Record<string, number> }][] = [
  ['dense', { name: 'dense' }, { events: [], masked: false, coefficients: {} }],
  ['gradual', { name: 'gradual', sparsity: 0.5 }, { events: masks, masked: true, coefficients: {} }],
  ['threshold', threshold, { events: both, masked: true, coefficients: {} }],
  [
    'subgradient to the end',
    subgradient,
    { events: [...heads, 100], masked: true, coefficients: { 'penalty.mlp': 0.01, 'penalty.attention': 0.02 } },
  ],
  [
    'subgradient to a sparsity',
    { ...subgradient, sparsity: 0.5 },
    { events: heads, masked: true, coefficients: { 'penalty.mlp': 0.01, 'penalty.attention': 0.02 } },
  ],
];

test.each(plans)('%s: what is masked, when it prunes, what it adds to the loss', (_, method, expected) => {
  const pruner = prunerOf(method, groups, ramp);
  expect(pruner.masked).toEqual(expected.masked ? prunableNames(groups) : []);
  expect(pruner.events).toEqual(expected.events);
  expect(pruner.coefficients).toEqual(expected.coefficients);
  expect(pruner.terms !== undefined).toBe(Object.keys(expected.coefficients).length > 0);
});

test('the events above are those of the ramp', () => {
  expect(maskEvents(ramp)).toEqual(masks);
  expect(headEvents(ramp)).toEqual(heads);
});

/** Applies a method's events to layers that are not trained in between; calls back after each. */
function unfold(method: Method, watch: (step: number, layers: PrunableLayer[]) => void = () => undefined) {
  const pruner = prunerOf(method, groups, ramp);
  const layers = layersOf();
  const removals = pruner.events.flatMap((step) => {
    const removed = pruner.apply(step, layers);
    watch(step, layers);
    return removed;
  });
  return { layers, removals };
}

describe('dense', () => {
  test('leaves everything', () => {
    const layers = layersOf();
    expect(prunerOf({ name: 'dense' }, groups, ramp).apply(last, layers)).toEqual([]);
    expect(layers).toEqual(layersOf());
  });
});

describe('gradual', () => {
  test('follows the cubic ramp less its slack, then ends exactly', () => {
    const counts: number[] = [];
    unfold({ name: 'gradual', sparsity: 0.5 }, (_, layers) => counts.push(zerosOf(layers)));
    const u = [21, 37, 53, 69].map((step) => (step - 5) / 65);
    const expected = u.map((x) => Math.round(0.495 * (1 - (1 - x) ** 3) * tinyWeights));
    expect(counts).toEqual([...expected, tinyWeights / 2]);
  });

  test('cuts the smallest magnitudes of all matrices together', () => {
    const { layers } = unfold({ name: 'gradual', sparsity: 0.5 });
    const before = matricesOf(layersOf());
    const magnitudes = (cut: boolean) =>
      matricesOf(layers).flatMap(({ data }, i) =>
        [...before[i]!.data].filter((_, j) => (data[j] === 0) === cut).map(Math.abs),
      );
    expect(Math.max(...magnitudes(true))).toBeLessThanOrEqual(Math.min(...magnitudes(false)));
  });
});

describe('threshold', () => {
  test('cuts each kind by itself at mask events, all together at the end', () => {
    const shares: number[][] = [];
    unfold({ ...threshold, theta: 0 }, (step, layers) => {
      if (masks.includes(step) && step < last)
        shares.push(
          kinds.map((kind) => zerosOf(layers, kind) / matricesOf(layers, kind).reduce((n, m) => n + m.data.length, 0)),
        );
      if (step === last) expect(zerosOf(layers)).toBe(Math.round(0.6 * tinyWeights));
    });
    expect(shares).toHaveLength(4);
    for (const [mlp, qkv, output] of shares) {
      expect(qkv).toBeCloseTo(mlp!, 2);
      expect(output).toBeCloseTo(mlp!, 2);
    }
    for (const [i, target] of [0.34, 0.516, 0.585, 0.595].entries()) expect(shares[i]![0]).toBeCloseTo(target, 2);
  });

  test('without a number of heads: θ decides, the paper’s by default', () => {
    const kept = (method: Partial<ThresholdMethod>) => liveHeadCount(unfold({ ...threshold, ...method }).layers);
    expect(kept({})).toBe(kept({ theta: 0.15 }));
    expect(kept({ theta: 1e-9 })).toBe(8);
    expect(kept({ theta: 1e9 })).toBe(2);
  });

  test.each([
    [8, 0.5],
    [7, 0.7],
    [5, 0.3],
    [5, 0.6],
    [5, 0.8],
    [4, 0.4],
    [2, 0.6],
    [2, 0.8],
  ])('%i heads at sparsity %f: both exactly, heads falling with the ramp', (keep, sparsity) => {
    const counts: number[] = [];
    const { layers, removals } = unfold({ ...threshold, heads: keep, sparsity }, (_, at) =>
      counts.push(liveHeadCount(at)),
    );
    expect(liveHeadCount(layers)).toBe(keep);
    expect(removals).toHaveLength(8 - keep);
    expect(zerosOf(layers)).toBe(Math.round(sparsity * tinyWeights));
    expect(counts).toEqual([...counts].sort((a, b) => b - a));
  });

  test('heads alone may be more zeros than asked for: those stay', () => {
    const { layers } = unfold({ ...threshold, heads: 2, sparsity: 0.1 });
    expect(liveHeadCount(layers)).toBe(2);
    expect(zerosOf(layers)).toBeGreaterThanOrEqual(0.75 * kinds.length * 0 + 2 * 0.75 * 4 * 16 * 16);
  });
});

describe('subgradient', () => {
  const small = (layers: readonly PrunableLayer[]) => {
    for (const { data } of matricesOf(layers)) data.set(data.map((w, i) => (i % 3 ? w + Math.sign(w) : w * 1e-4)));
  };

  test('cuts what fell below ε at the end of the run', () => {
    const layers = layersOf();
    small(layers);
    const pruner = prunerOf({ ...subgradient, theta: 0 }, groups, ramp);
    pruner.apply(last, layers);
    expect(zerosOf(layers)).toBe(0);
    pruner.apply(100, layers);
    const expected = matricesOf(layers).reduce((sum, { data }) => sum + Math.ceil(data.length / 3), 0);
    expect(zerosOf(layers)).toBe(expected);
  });

  test.each([0.5, 0.8])('trims to the sparsity %f at the end of the ramp', (sparsity) => {
    const layers = layersOf();
    small(layers);
    prunerOf({ ...subgradient, sparsity, theta: 0 }, groups, ramp).apply(last, layers);
    expect(zerosOf(layers)).toBe(Math.round(sparsity * tinyWeights));
  });

  test('reaches the number of heads', () => {
    const { layers, removals } = unfold({ ...subgradient, heads: 5 });
    expect([liveHeadCount(layers), removals.length]).toEqual([5, 3]);
  });

  test('writes both penalties', () => {
    const names = Object.keys(prunerOf(subgradient, groups, ramp).coefficients);
    expect(names).toEqual(['penalty.mlp', 'penalty.attention']);
  });
});
