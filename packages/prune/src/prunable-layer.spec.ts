import { readFileSync } from 'node:fs';
import path from 'node:path';
import { readSafetensorsHeader } from '@neuroprune/models';
import { expect, test } from 'vitest';
import { micro, planted } from '../test/models.js';
import { countWeights, matricesOf, prunableLayers, prunableNames } from './index.js';

const config = JSON.parse(readFileSync(path.join(micro, 'config.json'), 'utf8'));

test('views with the shapes and names of the file', async () => {
  const { loaded } = await planted(micro);
  const layers = prunableLayers(loaded.prunable, loaded.tensors);
  const { tensors } = await readSafetensorsHeader(path.join(micro, 'model.safetensors'));
  expect(layers.map(({ heads }) => heads)).toEqual(Array(4).fill(config.num_attention_heads));
  for (const { name, rows, cols, data } of matricesOf(layers)) {
    expect([rows, cols]).toEqual(tensors.find((entry) => entry.name === name)?.dims);
    expect(data).toBe(loaded.tensors.get(name)!.data);
  }
  const { query, contraction } = layers[2]!.biases;
  expect(query).toBe(loaded.tensors.get('bert.encoder.layer.2.attention.self.query.bias')!.data);
  expect(contraction).toBe(loaded.tensors.get('bert.encoder.layer.2.output.dense.bias')!.data);
  expect(countWeights(matricesOf(layers))).toBe(4 * (4 * 128 ** 2 + 2 * 128 * 512));
  expect([...prunableNames(loaded.prunable)].sort()).toEqual(
    matricesOf(layers)
      .map(({ name }) => name)
      .sort(),
  );
});

test('plain arrays do as well, and a bias may be missing', async () => {
  const { loaded } = await planted(micro);
  const names = prunableNames(loaded.prunable);
  const arrays = new Map(names.map((name) => [name, loaded.tensors.get(name)!.data]));
  const [layer] = prunableLayers(loaded.prunable, arrays);
  expect(layer!.query.data).toBe(arrays.get(names[0]!));
  expect(layer!.biases.query).toBeUndefined();
  arrays.delete(names[0]!);
  expect(() => prunableLayers(loaded.prunable, arrays)).toThrow(`${names[0]}: expected among the parameters, got none`);
});

test('weights of another shape', async () => {
  const { loaded } = await planted(micro);
  const [name = ''] = prunableNames(loaded.prunable);
  const changed = new Map([...loaded.tensors].map(([key, t]) => [key, key === name ? t.data.slice(1) : t]));
  expect(() => prunableLayers(loaded.prunable, changed)).toThrow(`${name}: expected equal rows and columns`);
});
