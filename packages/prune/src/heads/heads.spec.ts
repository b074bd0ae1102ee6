import { describe, expect, test } from 'vitest';
import { type AttentionLayer, liveHeads } from './attention-layer.js';
import { dominatingHeads } from './dominating.js';
import { eliminateHeads } from './eliminate.js';
import { headShares, planHeads } from './plan.js';
import { headDistances, similarHeads } from './similarity.js';

const HIDDEN = 6;
const SIZE = 3;

/** A layer of unrelated heads, then `plant` copies: [copy, source, noise]. */
function layerOf(
  heads: number,
  seed: number,
  plant: [copy: number, source: number, noise: number][] = [],
): AttentionLayer {
  let state = seed;
  const next = () => {
    state = (state * 48271) % 2147483647;
    return (state / 2147483647 - 0.5) * 2;
  };
  const array = (n: number) => Float32Array.from({ length: n }, next);
  const rows = heads * SIZE;
  const layer = {
    query: array(rows * HIDDEN),
    key: array(rows * HIDDEN),
    value: array(rows * HIDDEN),
    output: array(HIDDEN * rows),
    queryBias: array(rows),
    keyBias: array(rows),
    valueBias: array(rows),
    outputBias: array(HIDDEN),
    heads,
    hidden: HIDDEN,
  };
  for (const [copy, source, noise] of plant)
    for (const a of [layer.query, layer.key, layer.value, layer.queryBias]) {
      const size = a.length / heads;
      for (let i = 0; i < size; i++) a[copy * size + i] = a[source * size + i]! + noise * next();
    }
  return layer;
}

/** Attention over a few tokens in plain loops: [tokens · hidden]. */
function attend(layer: AttentionLayer, x: number[][]): number[] {
  const rows = layer.heads * SIZE;
  const project = (w: Float32Array, b: Float32Array) =>
    x.map((token) =>
      Array.from({ length: rows }, (_, r) => token.reduce((s, v, c) => s + v * w[r * HIDDEN + c]!, b[r]!)),
    );
  const q = project(layer.query, layer.queryBias!);
  const k = project(layer.key, layer.keyBias!);
  const v = project(layer.value, layer.valueBias!);
  return x.flatMap((_, t) => {
    const context = Array.from({ length: rows }, (_, r) => {
      const base = Math.floor(r / SIZE) * SIZE;
      const e = k.map((key) => {
        let score = 0;
        for (let i = base; i < base + SIZE; i++) score += q[t]![i]! * key[i]!;
        return Math.exp(score / Math.sqrt(SIZE));
      });
      const total = e.reduce((a, b) => a + b, 0);
      return e.reduce((sum, weight, s) => sum + (weight / total) * v[s]![r]!, 0);
    });
    return Array.from({ length: HIDDEN }, (_, o) =>
      context.reduce((sum, value, r) => sum + value * layer.output[o * rows + r]!, layer.outputBias![o]!),
    );
  });
}

const tokens = [
  [0.3, -1, 0.5, 0, 0.2, 1],
  [1, 0.1, -0.4, 0.7, -0.6, 0],
  [-0.2, 0.4, 0.9, -1, 0.3, 0.5],
];

function largestChange(layer: AttentionLayer, change: () => void): number {
  const before = attend(layer, tokens);
  change();
  return Math.max(...attend(layer, tokens).map((v, i) => Math.abs(v - before[i]!)));
}

const fates = (layers: AttentionLayer[], target: Parameters<typeof planHeads>[1]) =>
  planHeads(layers, target).layers.map((layer) =>
    layer.map((f) => (f.fate === 'absorbed' ? `>${f.into}` : f.fate)).join(' '),
  );

describe('similarity', () => {
  test('a different query bias keeps equal heads apart', () => {
    const layer = layerOf(2, 5, [[1, 0, 0]]);
    expect(similarHeads(layer, 0)).toEqual([
      [true, true],
      [true, true],
    ]);
    layer.queryBias![SIZE]! += 1;
    expect(headDistances(layer)[1]).toBeCloseTo(1, 6);
    expect(similarHeads({ ...layer, queryBias: undefined }, 0)[0]![1]).toBe(true);
  });

  test('removed heads are similar to none and stand for themselves', () => {
    const layer = layerOf(4, 5, [
      [1, 0, 0],
      [3, 2, 0],
    ]);
    const similar = similarHeads(layer, 0, [true, false, false, true]);
    expect(similar.flatMap((row, i) => row.flatMap((s, j) => (s ? [`${i}${j}`] : [])))).toEqual(['00', '33']);
    expect(dominatingHeads(similar)).toEqual([0, 1, 2, 3]);
  });
});

describe('elimination', () => {
  test('equal heads fold without changing the function; key and value biases may differ', () => {
    const layer = layerOf(4, 11, [[2, 0, 0]]);
    let done: ReturnType<typeof eliminateHeads> | undefined;
    const change = largestChange(layer, () => {
      done = eliminateHeads([layer], { theta: 0 });
    });
    expect(done).toEqual({ theta: 0, kept: 3, removed: [{ layer: 0, head: 0, into: 2, reason: 'absorbed' }] });
    expect(change).toBeLessThan(1e-5);
    expect(liveHeads(layer)).toEqual([false, true, true, true]);
    expect(eliminateHeads([layer], { theta: 0 }).removed).toEqual([]);
  });

  test('different query biases would change the function, so such heads are left alone', () => {
    const layer = layerOf(2, 11, [[1, 0, 0]]);
    layer.queryBias!.fill(2, SIZE);
    expect(eliminateHeads([layer], { theta: 0.15 }).kept).toBe(2);
  });

  test('dead heads go, two of them are not similar, and constants stay in the bias', () => {
    const layer = layerOf(3, 2);
    layer.value.fill(0, 0, 2 * SIZE * HIDDEN);
    let done: ReturnType<typeof eliminateHeads> | undefined;
    const change = largestChange(layer, () => {
      done = eliminateHeads([layer], { theta: 100 });
    });
    expect(done!.removed.map((r) => [r.head, r.into, r.reason])).toEqual([
      [0, null, 'dead'],
      [1, null, 'dead'],
    ]);
    expect(change).toBeLessThan(1e-5);
    expect(layer.valueBias!.slice(0, 2 * SIZE).every((v) => v === 0)).toBe(true);
  });

  test('a whole dead block loses all its heads', () => {
    const layer = layerOf(2, 2);
    layer.output.fill(0);
    expect(eliminateHeads([layer], { theta: 0 }).kept).toBe(0);
  });

  test('shared value heads: two queries a group fold with the group', () => {
    const base = layerOf(4, 9, [
      [2, 0, 0],
      [3, 1, 0],
    ]);
    const half = (a: Float32Array) => a.slice(0, a.length / 2);
    const layer = { ...base, heads: 2, key: half(base.key), value: half(base.value), valueBias: half(base.valueBias!) };
    layer.key.copyWithin(layer.key.length / 2, 0);
    layer.value.copyWithin(layer.value.length / 2, 0);
    const cols = 4 * SIZE; // columns 0 … 5 belong to group 0, 6 … 11 to group 1
    const before = { output: layer.output.slice(), bias: layer.outputBias!.slice(), value: layer.valueBias.slice() };
    expect(eliminateHeads([layer], { theta: 0 }).removed).toMatchObject([{ head: 0, into: 1 }]);
    for (let row = 0; row < HIDDEN; row++) {
      let constant = before.bias[row]!;
      for (let c = 0; c < 2 * SIZE; c++) {
        const w = before.output[row * cols + c]!;
        expect(layer.output[row * cols + c]).toBe(0);
        expect(layer.output[row * cols + 2 * SIZE + c]).toBeCloseTo(before.output[row * cols + 2 * SIZE + c]! + w, 5);
        constant += w * (before.value[c % SIZE]! - before.value[SIZE + (c % SIZE)]!);
      }
      expect(layer.outputBias![row]).toBeCloseTo(constant, 5);
    }
  });
});

describe('a head target', () => {
  test.each([
    [16, 16, 0],
    [15, 15, 0.01],
    [14, 14, 0.05],
    [13, 13, 0.05],
    [5, 5, 0.05],
    [2, 2, 0.05],
    [0, 2, 0.05],
  ])('keep %i of 16 leaves %i', (keep, kept, noise) => {
    const layers = [layerOf(8, 3, [[5, 1, 0.01]]), layerOf(8, 4, [[6, 2, 0.05]])];
    const plan = planHeads(layers, { keep });
    expect(plan.kept).toBe(kept);
    expect(plan.theta).toBeLessThanOrEqual(noise);
    expect(eliminateHeads(layers, { keep }).kept).toBe(kept);
    expect(layers.flatMap(liveHeads).filter(Boolean)).toHaveLength(kept);
  });

  test('the nearest pair merges first, whatever its layer', () => {
    const layers = [layerOf(3, 3, [[2, 0, 0.05]]), layerOf(3, 4, [[2, 1, 0.01]])];
    expect(fates(layers, { keep: 5 })).toEqual(['kept kept kept', 'kept >2 kept']);
    expect(fates(layers, { keep: 4 })).toEqual(['>2 kept kept', 'kept >2 kept']);
  });

  test('unrelated heads never merge; the least important goes', () => {
    const layer = layerOf(4, 21);
    const shares = headShares(layer);
    const least = shares.indexOf(Math.min(...shares));
    expect(shares.reduce((a, b) => a + b)).toBeCloseTo(1, 12);
    expect(planHeads([layer], { keep: 3 }).layers[0]!.map((f) => f.fate)).toEqual(
      shares.map((_, h) => (h === least ? 'dropped' : 'kept')),
    );
  });

  test('a merge that would undershoot is not taken', () => {
    const layer = layerOf(5, 8, [
      [1, 0, 0],
      [2, 0, 0],
    ]); // merges three heads into one or none
    expect(
      fates([layer], { keep: 4 })[0]!
        .split(' ')
        .filter((f) => f === 'dropped'),
    ).toHaveLength(1);
    expect(fates([layer], { keep: 3 })).toEqual(['>2 >2 kept kept kept']);
  });

  test('ties and all-similar layers end the same', () => {
    const equal = () =>
      layerOf(4, 6, [
        [1, 0, 0],
        [2, 0, 0],
        [3, 0, 0],
      ]);
    expect(fates([equal(), equal()], { theta: 0.15 })).toEqual(['>3 >3 >3 kept', '>3 >3 >3 kept']);
    const flat = equal();
    flat.output.fill(0.5);
    flat.query.set(layerOf(4, 77).query);
    expect(fates([flat], { keep: 2 })).toEqual(['dropped dropped kept kept']);
  });

  test.each([-1, 1.5, Number.NaN])('%f heads are refused', (keep) => {
    expect(() => planHeads([layerOf(2, 1)], { keep })).toThrow(/expected a whole number of heads/);
  });
});
