import { float32, GraphBuilder, modelOf } from '@neuroprune/onnx';
import { createInference } from '@neuroprune/runtime';
import { expect, test } from 'vitest';
import { limitsOf } from './limits.js';

const COLUMNS = 768;

/** Scores with zeros among them, of many magnitudes, and larger in some columns than in others. */
function scoresOf(rows: number, zeros: number): Float32Array {
  let state = 5;
  const next = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  return Float32Array.from({ length: rows * COLUMNS }, (_, i) =>
    next() < zeros ? 0 : Math.exp(8 * next() + (i % COLUMNS) / 200 - 12),
  );
}

/** The share of scores up to the limit of each kind, for a share asked for. */
async function shares(kinds: readonly Float32Array[], share: number, sample?: number): Promise<number[]> {
  const builder = new GraphBuilder();
  const need = kinds.map(({ length }) => Math.floor(share * length + 0.5));
  const values = kinds.map((data, k) => builder.input(`scores.${k}`, 'float32', [data.length / COLUMNS, COLUMNS]));
  const given = values.map((scores, k) => ({ scores, size: kinds[k]!.length }));
  builder.output(limitsOf(builder, given, builder.constant(float32(need, [kinds.length, 1])), sample), 'limits');
  await using inference = await createInference(modelOf(builder.graph), { threads: 1 });
  const inputs = new Map(
    kinds.map((data, k) => [`scores.${k}`, float32(data, [data.length / COLUMNS, COLUMNS])] as const),
  );
  const limits = (await inference.run(inputs, ['limits'])).get('limits')!.data as Float32Array;
  return kinds.map((data, k) => data.filter((score) => score <= limits[k]!).length / data.length);
}

test.each([0.02, 0.3, 0.7, 0.95, 0.999])('cuts %d of kinds that are sampled to within 10⁻⁴', async (share) => {
  const kinds = [scoresOf(1400, 0), scoresOf(900, 0.02)];
  const each = await shares(kinds, share);
  for (const reached of each) expect(Math.abs(reached - share)).toBeLessThan(1e-4);
  expect(each.map((reached, k) => reached * kinds[k]!.length)).not.toEqual(
    kinds.map((k) => Math.floor(share * k.length + 0.5)),
  );
});

test.each([0.02, 0.3, 0.7, 1])('cuts %d of kinds that a sample holds whole exactly', async (share) => {
  const kinds = [scoresOf(40, 0), scoresOf(60, 0)];
  expect(await shares(kinds, share)).toEqual(kinds.map((k) => Math.floor(share * k.length + 0.5) / k.length));
});

test('a kind with fewer scores than a sample is cut beside one with more', async () => {
  const [large, small] = await shares([scoresOf(1400, 0), scoresOf(20, 0)], 0.5);
  expect(Math.abs(large! - 0.5)).toBeLessThan(1e-4);
  expect(Math.abs(small! - 0.5)).toBeLessThan(1e-3);
});

test('all and none can be asked for of a sample', async () => {
  const kinds = [scoresOf(1400, 0.1)];
  expect(await shares(kinds, 1)).toEqual([1]);
  const [none] = await shares(kinds, 0);
  expect(none).toBeLessThan(0.1 + 1e-3); // zeros, and what is as small
});

test('a smaller sample is wider of the mark', async () => {
  const error = async (sample: number) => Math.abs((await shares([scoresOf(1400, 0)], 0.37, sample))[0]! - 0.37);
  expect(await error(64)).toBeGreaterThan(await error(2 ** 16));
});
