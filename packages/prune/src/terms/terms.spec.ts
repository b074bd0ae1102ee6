import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gradients } from '@neuroprune/autodiff';
import type { PrunableGroups } from '@neuroprune/models';
import { float32, GraphBuilder, modelOf } from '@neuroprune/onnx';
import { createInference } from '@neuroprune/runtime';
import { describe, expect, test } from 'vitest';
import {
  attentionPenalty,
  type Matrix,
  matricesOf,
  neuronPenalty,
  type OutGrouping,
  type PrunableLayer,
  prunableLayers,
} from '../index.js';
import { neuroPruneTerms, type TermOptions } from './terms.js';

const linear = (name: string) => ({ weight: name, bias: `${name}.bias` });

/** One layer whose L_in consists of `inner` matrices. */
const group = (heads: number, size: number, units: number, inner = 1, layer = 'l'): PrunableGroups => ({
  layer,
  neurons: {
    kind: 'neurons',
    count: units,
    out: Array.from({ length: inner }, (_, i) => linear(`${layer}.in${i}`)),
    in: [linear(`${layer}.out`)],
  },
  heads: {
    kind: 'heads',
    count: heads,
    size,
    query: linear(`${layer}.query`),
    key: linear(`${layer}.key`),
    value: linear(`${layer}.value`),
    output: linear(`${layer}.output`),
  },
});

const matrix = (name: string, rows: number, cols: number, data: readonly number[]): Matrix => ({
  name,
  rows,
  cols,
  data: Float32Array.from(data),
});

/** Values of both terms and their gradients by parameter name, from ONNX Runtime. */
async function measured(groups: readonly PrunableGroups[], matrices: readonly Matrix[], options?: TermOptions) {
  const builder = new GraphBuilder();
  const parameters = new Map(
    matrices.map((m) => [m.name, builder.initializer(m.name, float32(m.data, [m.rows, m.cols]))]),
  );
  const terms = neuroPruneTerms(groups, options)(builder.op, parameters, builder);
  builder.output(builder.op.Add(terms['penalty.mlp']!, terms['penalty.attention']!), 'both');
  for (const [name, value] of Object.entries(terms)) builder.output(value, name);
  const wrt = matrices.map((m) => m.name);
  await using session = await createInference(gradients(modelOf(builder.graph), { of: 'both', wrt }));
  const names = ['penalty.mlp', 'penalty.attention', ...wrt.map((name) => `grad.${name}`)];
  const results = await session.run(new Map(), names);
  return new Map([...results].map(([name, t]) => [name.replace('grad.', ''), t.data as Float32Array]));
}

function close(actual: ArrayLike<number> | undefined, expected: ArrayLike<number>): void {
  expect(actual?.length).toBe(expected.length);
  const scale = Array.from(expected).reduce((max, v) => Math.max(max, Math.abs(v)), 1);
  Array.from(expected).forEach((value, i) => {
    expect(Math.abs(actual![i]! - value), `entry ${i}: ${actual![i]} for ${value}`).toBeLessThanOrEqual(3e-6 * scale);
  });
}

/** Numbers with dead rows, dead columns, zeros, and magnitudes on both sides of ε. */
function sparse(rows: number, cols: number, salt: number): number[] {
  return Array.from({ length: rows * cols }, (_, i) => {
    const [r, c] = [Math.floor(i / cols), i % cols];
    if (r === salt % rows || c === (salt + 1) % cols || (7 * i + salt) % 5 === 0) return 0;
    return Math.sin(3 * i + salt) * ((i + salt) % 3 === 0 ? 1e-4 : 0.4);
  });
}

const shapes = ({ heads: h, neurons: n }: PrunableGroups, d: number): [name: string, rows: number, cols: number][] => [
  ...[h.query, h.key, h.value].map(({ weight }) => [weight, h.count * h.size, d] as [string, number, number]),
  [h.output.weight, d, h.count * h.size],
  ...n.out.map(({ weight }) => [weight, n.count, d] as [string, number, number]),
  [n.in[0]!.weight, d, n.count],
];

const groupings: OutGrouping[] = ['row', 'unit', 'joint'];
const cases = groupings.flatMap((outGrouping) => [1, 2].map((inner) => ({ outGrouping, inner })));

test.each(cases)('two layers, $outGrouping, $inner matrices into the units: as on the host', async (c) => {
  const groups = [group(2, 3, 5, c.inner, 'a'), group(2, 3, 5, c.inner, 'b')];
  const matrices = groups.flatMap((g) => shapes(g, 4)).map(([n, r, k], i) => matrix(n, r, k, sparse(r, k, i)));
  const got = await measured(groups, matrices, { outGrouping: c.outGrouping });
  const layers = prunableLayers(groups, new Map(matrices.map((m) => [m.name, m.data])));
  const mlp = layers.map((layer) => neuronPenalty(layer, c.outGrouping));
  const attention = layers.map((layer) => attentionPenalty(qkv(layer)));
  close(got.get('penalty.mlp'), [mlp.reduce((sum, p) => sum + p.value, 0)]);
  close(got.get('penalty.attention'), [attention.reduce((sum, p) => sum + p.value, 0)]);
  layers.forEach((layer, l) => {
    matricesOf([layer], 'mlp').forEach((m, i) => {
      close(got.get(m.name), mlp[l]!.gradients[i]!);
    });
    qkv(layer).forEach((m, i) => {
      close(got.get(m.name), attention[l]!.gradients[i]!);
    });
  });
});

const qkv = ({ query, key, value }: PrunableLayer) => [query, key, value];

test('nothing left: no pull, and no NaN', async () => {
  const groups = [group(1, 2, 3)];
  const got = await measured(
    groups,
    shapes(groups[0]!, 4).map(([n, r, c]) => matrix(n, r, c, new Array<number>(r * c).fill(0))),
  );
  for (const values of got.values()) expect([...values].every((v) => v === 0)).toBe(true);
});

test('a missing parameter is named', async () => {
  await expect(measured([group(1, 2, 3)], [])).rejects.toThrow('l.in0: expected among the trained parameters');
});

interface Golden {
  joint: (Record<'units' | 'hidden' | 'value', number> &
    Record<'l_in' | 'l_out' | 'gradient_in' | 'gradient_out', number[]>)[];
  attention: (Record<'shape' | 'query' | 'key' | 'value_', number[]> & { value: number; gradients: number[][] })[];
}
const file = path.resolve(import.meta.dirname, '../../../../../shared/golden/neuroprune/arithmetic.json');
const present = existsSync(file);
const golden: Golden = present ? JSON.parse(readFileSync(file, 'utf8')) : { joint: [], attention: [] };

describe.skipIf(!present)('the golden arithmetic (skipped where ../shared is not beside the repository)', () => {
  test('is there', () => {
    expect(golden.joint.length * golden.attention.length).toBeGreaterThan(0);
  });

  test.each(golden.joint)('R_mlp, $units units', async (c) => {
    const groups = [group(1, 1, c.units)];
    const idle = shapes(groups[0]!, c.hidden)
      .slice(0, 4)
      .map(([n, r, k]) => matrix(n, r, k, new Array<number>(r * k).fill(1)));
    const mlp = [matrix('l.in0', c.units, c.hidden, c.l_in), matrix('l.out', c.hidden, c.units, c.l_out)];
    const got = await measured(groups, [...idle, ...mlp]);
    close(got.get('penalty.mlp'), [c.value]);
    close(got.get('l.in0'), c.gradient_in);
    close(got.get('l.out'), c.gradient_out);
  });

  test.each(golden.attention)('R_attn, $shape', async (c) => {
    const [rows, cols] = c.shape as [number, number];
    const groups = [group(1, rows, 1)];
    const idle = shapes(groups[0]!, cols)
      .slice(3)
      .map(([n, r, k]) => matrix(n, r, k, new Array<number>(r * k).fill(1)));
    const weights = [c.query, c.key, c.value_].map((data, i) =>
      matrix(['l.query', 'l.key', 'l.value'][i]!, rows, cols, data),
    );
    const got = await measured(groups, [...idle, ...weights]);
    close(got.get('penalty.attention'), [c.value]);
    weights.forEach((m, i) => {
      close(got.get(m.name), c.gradients[i]!);
    });
  });
});

test('matrices stored [in, out], several in one, and attention that reads an encoder: as on the host', async () => {
  const d = 4;
  const part = (index: number) => ({ ...linear('all'), transposed: true as const, part: { index, of: 3 } });
  const turned = (name: string) => ({ ...linear(name), transposed: true as const });
  const plain = group(2, 3, 5);
  const groups: PrunableGroups[] = [
    {
      layer: 'l',
      neurons: { kind: 'neurons', count: 5, out: [turned('in')], in: [turned('out')] },
      heads: { ...plain.heads, query: part(0), key: part(1), value: part(2), output: turned('output') },
      crossHeads: plain.heads,
    },
  ];
  const sizes: [name: string, rows: number, cols: number][] = [
    ['all', d, 18],
    ['output', 6, d],
    ['in', d, 5],
    ['out', 5, d],
    ...shapes(plain, d).slice(0, 4),
  ];
  const matrices = sizes.map(([name, rows, cols], i) => matrix(name, rows, cols, sparse(rows, cols, i)));
  const got = await measured(groups, matrices);
  const [own, cross] = prunableLayers(groups, new Map(matrices.map((m) => [m.name, m.data]))) as [
    PrunableLayer,
    PrunableLayer,
  ];
  const mlp = neuronPenalty(own);
  const apart = [[cross.query], [cross.key, cross.value]].map(attentionPenalty);
  const attention = attentionPenalty([own.query, own.key, own.value]);
  close(got.get('penalty.mlp'), [mlp.value]);
  close(got.get('penalty.attention'), [attention.value + apart[0]!.value + apart[1]!.value]);
  close(got.get('l.key'), apart[1]!.gradients[0]!);
  // [out, in] of each part is column `part · 6 + out` of the stored matrix.
  const stored = Float32Array.from({ length: d * 18 }, (_, i) => {
    const [row, column] = [Math.floor(i / 18), i % 18];
    return attention.gradients[Math.floor(column / 6)]![(column % 6) * d + row]!;
  });
  close(got.get('all'), stored);
});
