import type { HeadGroup, LinearNames, PrunableGroups } from '@neuroprune/models';
import { expect, test } from 'vitest';
import { prunableLayers } from './prunable-layer.js';

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
const weights = new Map(
  ['query', 'key', 'value', 'output', 'expand', 'contract'].map((name) => [`${name}.weight`, new Float32Array(16)]),
);

test('a layer of plain matrices is read', () => {
  expect(prunableLayers([plain], weights)[0]?.query).toMatchObject({ name: 'query.weight', rows: 4, cols: 4 });
});

test.each<[what: string, groups: PrunableGroups]>([
  ['key/value heads that several query heads share', { ...plain, heads: { ...heads, queries: 2 } }],
  ['matrices stored [in, out]', { ...plain, heads: { ...heads, output: { ...heads.output, transposed: true } } }],
  ['heads that read an encoder', { ...plain, crossHeads: heads }],
  ['a shared table of position biases', { ...plain, heads: { ...heads, biasTable: 'table.weight' } }],
])('a layer with %s is refused, not misread', (what, groups) => {
  expect(() => prunableLayers([groups], weights)).toThrow(new RegExp(`layer.0: .*${what.replace(/[[\]]/g, '.')}`));
});
