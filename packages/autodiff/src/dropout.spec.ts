import { float32, GraphBuilder, int64, modelOf, type Tensor, type Value, zeros } from '@neuroprune/onnx';
import { describe, expect, it } from 'vitest';
import { evaluate } from '../test/evaluate.js';
import { dropoutScalars, replaceDropout } from './dropout.js';
import { trainable } from './trainable.js';

const RANGE = 2048;
const modulo = (x: number) => x & (RANGE - 1);

/** The same hash on JavaScript integers. */
function hashed(word: number, position: number, stride: number, keys: readonly number[]): number {
  let left = modulo(word + Math.floor(position / RANGE) * stride);
  let right = modulo(position);
  for (const key of keys) {
    const shifted = modulo(right + key);
    [left, right] = [right, modulo(left + Math.floor((shifted * shifted) / 32))];
  }
  return right;
}

/** Whether the generator keeps an element of a site. */
function keeps(keys: readonly number[], site: number, row: number, column: number, rate: number): boolean {
  let sum = 0;
  for (let k = 0; k < 8; k++) {
    const a = hashed(k, row, 8, keys);
    const c = Math.floor(hashed(modulo(site * 8 + k), column, 1361, [577, 1325, 1811, 293]) / 2);
    sum += a * c;
  }
  return modulo(sum) >= Math.round(rate * RANGE);
}

const wholeKeys = (seed: number, step: number) => Object.values(dropoutScalars(seed, step)).map((key) => key * RANGE);

/** Two token sites, attention, a wider token site and one a row, over ones: what comes out is the mask. */
async function masks(
  batch: number,
  sequence: number,
  seed: number,
  step: number,
  rate?: number,
  together?: number,
): Promise<Float32Array[]> {
  const builder = new GraphBuilder();
  const ids = builder.input('ids', 'int64', ['batch', 'sequence']);
  const sites = [
    ['batch*sequence', 128],
    ['batch*sequence', 128],
    ['batch', 4, 'sequence', 'sequence'],
    ['batch*sequence', 96],
    ['batch', 128],
  ] as const;
  const dims = [
    [batch * sequence, 128],
    [batch * sequence, 128],
    [batch, 4, sequence, sequence],
    [batch * sequence, 96],
    [batch, 128],
  ];
  const inputs = sites.map((shape, i) => builder.input(`x${i}`, 'float32', shape));
  const rates = [0.1, 0.5, 0.1, 0.25, 0.1];
  const outputs = inputs.map((x, i) => builder.op.Dropout(x, rates[i] as number));
  outputs.forEach((y: Value, i) => void builder.output(y, `y${i}`));
  builder.output(builder.op.Identity(ids), 'same');
  const scalars = Object.entries(dropoutScalars(seed, step)).map(([name, v]): [string, Tensor] => [
    name,
    float32([v], []),
  ]);
  expect(replaceDropout(builder, { rate, together }).scalars).toEqual(scalars.map(([name]) => name));
  const ones = dims.map((d, i): [string, Tensor] => [`x${i}`, float32(zeros(d).data.map(() => 1) as Float32Array, d)]);
  const tokens = int64(new Array<number>(batch * sequence).fill(0), [batch, sequence]);
  const results = await evaluate(modelOf(builder.graph), { ids: tokens, ...Object.fromEntries([...ones, ...scalars]) });
  return outputs.map((_, i) => results[`y${i}`]?.data as Float32Array);
}

describe('the counter generator', () => {
  it.each([
    [2, 3, 1, 1],
    [5, 7, 42, 2104],
    [8, 300, 4294967295, 0], // more rows than the range of a word
  ])('gives the bits of integer arithmetic: %i x %i, seed %i, step %i', async (batch, sequence, seed, step) => {
    const columns = [128, 128, sequence, 96, 128];
    const rates = [0.1, 0.5, 0.1, 0.25, 0.1];
    const keys = wholeKeys(seed, step);
    for (const [site, mask] of (await masks(batch, sequence, seed, step)).entries()) {
      const [width, rate] = [columns[site] as number, rates[site] as number];
      const scale = Math.fround(1 / (1 - Math.round(rate * RANGE) / RANGE));
      const stride = Math.max(1, Math.floor(mask.length / 5000)); // a sample of the large ones
      for (let i = 0; i < mask.length; i += stride) {
        expect(mask[i]).toBe(keeps(keys, site, Math.floor(i / width), i % width, rate) ? scale : 0);
      }
    }
  });

  it.each([2, 3, 7])('gives the same bits %i masks at a time', async (together) => {
    for (const rate of [undefined, 0.1]) {
      const [one, several] = [await masks(3, 70, 5, 6, rate), await masks(3, 70, 5, 6, rate, together)];
      several.forEach((mask, i) => void expect(Buffer.compare(bytes(mask), bytes(one[i])), `${i}`).toBe(0));
    }
  });

  it('makes several masks with the nodes of one', () => {
    const nodes = [1, 4, 8].map((together) => {
      const builder = new GraphBuilder();
      for (let i = 0; i < 8; i++) builder.op.Dropout(builder.input(`x${i}`, 'float32', ['batch', 2]), 0.1);
      return replaceDropout(builder, { together }).nodes.size;
    });
    const [alone, fours, all] = nodes as [number, number, number];
    // A mask takes 5 nodes, a draw of several 4 more: its words cut out and seen as those of each, the masks likewise.
    expect(alone - fours).toBe(8 * 5 + 1 - 2 * (5 + 4));
    expect(fours - all).toBe(5 + 4);
  });

  it.each(['fp16', 'bf16'] as const)('stays in float32 in %s, and drops in 16 bits', (precision) => {
    const builder = new GraphBuilder();
    const { op } = builder;
    const weight = builder.initializer('w', float32(new Float32Array(8).fill(1), [2, 4]));
    const h = op.Dropout(op.Gemm(builder.input('x', 'float32', ['batch', 4]), weight, undefined, { transB: 1 }), 0.5);
    builder.output(op.Gemm(h, builder.constant(float32(new Float32Array(4).fill(1), [2, 2]))), 'logits');
    const { nodes } = trainable(modelOf(builder.graph), { loss: 'crossEntropy', precision }).graph;
    const typesOf = (opType: string) => nodes.flatMap((n) => (n.opType === opType ? n.outputs[0]?.dtype : []));
    expect(typesOf('MatMul')).toEqual(['float32']);
    expect(typesOf('HardSigmoid')).toEqual(['float32']);
    const dropped = nodes.filter((n) => n.opType === 'Mul' && n.inputs.some((v) => v?.producer?.opType === 'Gemm'));
    expect(dropped.map((n) => n.outputs[0]?.dtype)).toEqual(
      precision === 'fp16' ? ['float16', 'float16'] : ['bfloat16', 'bfloat16'],
    );
  });

  it('takes no rate at all as no dropout', () => {
    const builder = new GraphBuilder();
    builder.op.Dropout(builder.input('x', 'float32', ['batch', 2]), 0.1);
    expect(replaceDropout(builder, { rate: 0 }).scalars).toEqual([]);
  });

  it.each([
    [
      'a rate of 1',
      (b: GraphBuilder) => b.op.Dropout(b.input('x', 'float32', ['batch', 2]), 1),
      /expected a rate in \[0, 1\), got 1/,
    ],
    [
      'a computed rate',
      (b: GraphBuilder) => b.op.Dropout(b.input('x', 'float32', ['batch', 2]), b.input('r', 'float32', [])),
      /constant ratio/,
    ],
    [
      'rows of unknown number',
      (b: GraphBuilder) => b.op.Dropout(b.input('x', 'float32', [null, 2]), 0.1),
      /dimensions of the graph's inputs/,
    ],
  ])('refuses %s', (_, build, message) => {
    const builder = new GraphBuilder();
    build(builder);
    expect(() => replaceDropout(builder)).toThrow(message);
  });
});

const bytes = (mask?: Float32Array) => Buffer.from(mask?.buffer ?? new ArrayBuffer(0));

/** Bits of a site as rows of 0 and 1 minus their mean, for correlations. */
function centred(mask: Float32Array, width: number): Float64Array[] {
  const dropped = Float64Array.from(mask, (m) => (m === 0 ? 1 : 0));
  const mean = dropped.reduce((a, b) => a + b, 0) / dropped.length;
  return Array.from({ length: mask.length / width }, (_, i) =>
    dropped.slice(i * width, (i + 1) * width).map((x) => x - mean),
  );
}

const transposed = (rows: readonly Float64Array[]): Float64Array[] =>
  Array.from(rows[0] as Float64Array, (_, j) => Float64Array.from(rows, (row) => row[j] as number));

/** Correlation times √n: standard normal for independent bits. */
function score(a: Float64Array, b: Float64Array): number {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] as number, b[i] as number];
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return (ab / Math.sqrt(aa * bb)) * Math.sqrt(a.length);
}

const joined = (rows: readonly Float64Array[]) => Float64Array.from(rows.flatMap((row) => [...row]));

/** Of many standard normal scores the mean square is near 1 and none is far out. */
function expectIndependent(vectors: readonly Float64Array[]): void {
  const scores = vectors.flatMap((a, i) => vectors.slice(i + 1).map((b) => score(a, b)));
  const meanSquare = scores.reduce((sum, z) => sum + z * z, 0) / scores.length;
  expect(Math.abs(meanSquare - 1)).toBeLessThan(6 * Math.sqrt(2 / scores.length));
  expect(Math.max(...scores.map(Math.abs))).toBeLessThan(Math.sqrt(2 * Math.log(scores.length)) + 2);
}

describe('masks look independent', async () => {
  const [batch, sequence] = [32, 16];
  const first = await masks(batch, sequence, 1, 1, 0.25);
  const rows = centred(first[0] as Float32Array, 128);

  it('drops at the rate', () => {
    for (const mask of first) {
      const dropped = mask.filter((m) => m === 0).length / mask.length;
      expect(Math.abs(dropped - 0.25)).toBeLessThan(4.5 * Math.sqrt((0.25 * 0.75) / mask.length));
    }
  });
  it('has mean 1', () => {
    for (const mask of first) {
      expect(mask.reduce((a, b) => a + b, 0) / mask.length).toBeCloseTo(1, 1);
    }
  });
  it('between columns', () => expectIndependent(transposed(rows)));
  it('between rows', () => expectIndependent(rows.slice(0, 200)));
  it('between neighbours', () => {
    for (const [di, dj] of [
      [0, 1],
      [1, 0],
      [1, 1],
      [0, 2],
      [2, 1],
    ] as const) {
      const here = rows.slice(0, rows.length - di).map((row) => row.slice(0, 128 - dj));
      const there = rows.slice(di).map((row) => row.slice(dj));
      expect(Math.abs(score(joined(here), joined(there)))).toBeLessThan(4.5);
    }
  });
  it('between sites', () => expectIndependent([0, 1].map((i) => joined(centred(first[i] as Float32Array, 128)))));
  it('between keys of attention', () => expectIndependent(transposed(centred(first[2] as Float32Array, sequence))));
  it('between steps and seeds', async () => {
    const others = [
      [1, 2],
      [1, 3],
      [2, 1],
      [2, 2],
      [3, 1],
    ] as const;
    const runs = await Promise.all(others.map(([seed, step]) => masks(batch, sequence, seed, step, 0.25)));
    expectIndependent([first, ...runs].map((run) => joined(centred(run[1] as Float32Array, 128))));
  });
  it('between two columns over many steps', async () => {
    const steps = await Promise.all(Array.from({ length: 24 }, (_, i) => masks(8, 4, 9, i, 0.5)));
    const all = steps.flatMap((run) => centred(run[0] as Float32Array, 128));
    expectIndependent(transposed(all).slice(0, 64));
  });
});
