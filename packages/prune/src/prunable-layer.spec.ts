import type { HeadGroup, LinearNames, PrunableGroups } from '@neuroprune/models';
import { expect, test } from 'vitest';
import { range } from '../test/plant.js';
import { attentionOf } from './heads/attention-layer.js';
import { headDistances } from './heads/similarity.js';
import { readers } from './layer.js';
import { prunableLayers, prunableNames, storeLayers } from './prunable-layer.js';

const names = (path: string): LinearNames => ({ weight: `${path}.weight`, bias: `${path}.bias` });
const heads: HeadGroup = {
  kind: 'heads',
  count: 2,
  size: 2,
  query: names('query'),
  key: names('key'),
  value: names('value'),
  output: names('output'),
};
const plain: PrunableGroups = {
  layer: 'layer.0',
  neurons: { kind: 'neurons', count: 4, out: [names('expand')], in: [names('contract')] },
  heads,
};
const floats = (count: number, from = 0) => Float32Array.from(range(from, count));
const weights = () =>
  new Map([
    ...['query', 'key', 'value', 'output', 'expand', 'contract'].map((n) => [`${n}.weight`, floats(16)] as const),
    ['query.bias', floats(4)],
  ]);

test('a layer of plain matrices is read over the same arrays', () => {
  const all = weights();
  const [layer] = prunableLayers([plain], all);
  expect(layer?.query).toEqual({ name: 'query.weight', rows: 4, cols: 4, data: all.get('query.weight') });
  expect(layer?.query.data).toBe(all.get('query.weight'));
  expect(layer?.biases.query).toBe(all.get('query.bias'));
});

test('a parameter that is missing is named', () => {
  const all = weights();
  all.delete('key.weight');
  expect(() => prunableLayers([plain], all)).toThrow('key.weight: expected among the parameters, got none');
});

test('a key/value head with several queries: their blocks of query and output are larger', () => {
  const shared = { ...plain, heads: { ...heads, queries: 2 } };
  const [layer] = prunableLayers([shared], weights().set('query.weight', floats(32)).set('output.weight', floats(32)));
  expect([layer?.query.rows, layer?.key.rows, layer?.output.cols]).toEqual([8, 4, 8]);
  expect(layer?.heads).toBe(2);
});

test('an attention that reads an encoder is a block of its own, without units; its queries read other rows', () => {
  const cross = { ...heads, key: names('read'), value: names('read') };
  const layers = prunableLayers([{ ...plain, crossHeads: cross }], weights().set('read.weight', floats(16, 100)));
  expect(layers.map((layer) => [layer.intermediate.length, layer.contraction.cols, layer.cross])).toEqual([
    [1, 4, undefined],
    [0, 0, true],
  ]);
  expect(layers.map((layer) => readers(layer).map((list) => list.map((m) => m.name)))).toEqual([
    [['query.weight', 'key.weight', 'value.weight']],
    [['query.weight'], ['read.weight', 'read.weight']],
  ]);
});

const part = (index: number): LinearNames => ({ ...names('all'), transposed: true, part: { index, of: 3 } });
const fused: PrunableGroups = {
  layer: 'h.0',
  neurons: {
    kind: 'neurons',
    count: 3,
    out: [{ ...names('expand'), transposed: true }],
    in: [{ ...names('contract'), transposed: true }],
  },
  heads: { ...heads, query: part(0), key: part(1), value: part(2), output: { ...names('output'), transposed: true } },
};
const fusedWeights = () =>
  new Map([
    ['all.weight', floats(24)], // [2, 3·4]
    ['all.bias', floats(12)],
    ['output.weight', floats(8)], // [4, 2]
    ['expand.weight', floats(6)], // [2, 3]
    ['contract.weight', floats(6)], // [3, 2]
  ]);

test('matrices stored [in, out], several in one: read as [out, in], and written back where they lie', () => {
  const all = fusedWeights();
  const layers = prunableLayers([fused], all);
  const [layer] = layers;
  expect([...layer!.query.data]).toEqual([0, 12, 1, 13, 2, 14, 3, 15]);
  expect([...layer!.value.data]).toEqual([8, 20, 9, 21, 10, 22, 11, 23]);
  expect([...layer!.biases.value!]).toEqual([8, 9, 10, 11]);
  expect([...layer!.output.data]).toEqual([0, 2, 4, 6, 1, 3, 5, 7]);
  expect([...layer!.contraction.data]).toEqual([0, 2, 4, 1, 3, 5]);
  layer!.value.data.fill(-1, 2, 4); // its second row
  layer!.output.data[1] = -2;
  layer!.biases.key!.fill(0);
  storeLayers([fused], all, layers);
  expect([...all.get('all.weight')!]).toEqual(range(0, 24).map((i) => (i % 12 === 9 ? -1 : i)));
  expect([...all.get('output.weight')!]).toEqual([0, 1, -2, 3, 4, 5, 6, 7]);
  expect([...all.get('all.bias')!.subarray(4, 8)]).toEqual([0, 0, 0, 0]);
  expect(prunableNames([fused])).toEqual(['all.weight', 'output.weight', 'expand.weight', 'contract.weight']);
});

test('heads are as far apart as their columns of a table of positions', () => {
  const table = Float32Array.of(1, 1, 2, 7, 3, 3); // [3, 2]
  const same = weights();
  for (const name of ['query', 'key', 'value']) same.set(`${name}.weight`, new Float32Array(16));
  same.set('query.bias', new Float32Array(4));
  const groups = [{ ...plain, heads: { ...heads, biasTable: 'table' } }];
  const [layer] = prunableLayers(groups, same.set('table', table));
  expect([...headDistances(attentionOf(layer!))]).toEqual([0, 5, 5, 0]);
  expect([...headDistances(attentionOf(prunableLayers([plain], same)[0]!))]).toEqual([0, 0, 0, 0]);
});
