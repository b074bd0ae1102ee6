import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadModel } from '../load-model.js';
import { linearsOf as namesOf } from '../prunable.js';
import { readSafetensors } from '../safetensors/read.js';

// Small classifiers as exporters write them: tools/golden/make_imported.py.
const fixtures = path.resolve(import.meta.dirname, '../../fixtures/imported');
const files = [
  ...['bert-eager11', 'bert-eager', 'bert-sdpa', 'bert-fused', 'bert-dynamo'],
  ...['distilbert-eager', 'distilbert-sdpa', 'gpt2-eager', 'llama-sdpa', 'albert-sdpa'],
  ...['roberta-optimum', 'llama-optimum', 'bert-slim'],
  ...['deberta-eager11', 'deberta-optimum', 'deberta2-eager20'],
];

const encoderParts = [
  ...['attention.self.query', 'attention.self.key', 'attention.self.value', 'attention.output.dense'],
  ...['intermediate.dense', 'output.dense'],
];

const debertaParts = (layer: number) =>
  ['attention.self.query_proj', 'attention.self.key_proj', 'attention.self.value_proj', 'attention.output.dense']
    .concat('intermediate.dense', 'output.dense')
    .map((part) => `deberta.encoder.layer.${layer}.${part}`);

/** Where the weights of a layer's parts are in transformers, in the order query, key, value, output, then the hidden units'. */
const parts: Readonly<Record<string, (layer: number) => readonly string[]>> = {
  bert: (i) => encoderParts.map((part) => `bert.encoder.layer.${i}.${part}`),
  roberta: (i) => encoderParts.map((part) => `roberta.encoder.layer.${i}.${part}`),
  deberta: debertaParts,
  deberta2: debertaParts,
  distilbert: (i) =>
    ['attention.q_lin', 'attention.k_lin', 'attention.v_lin', 'attention.out_lin', 'ffn.lin1', 'ffn.lin2'].map(
      (part) => `distilbert.transformer.layer.${i}.${part}`,
    ),
  albert: () =>
    ['attention.query', 'attention.key', 'attention.value', 'attention.dense', 'ffn', 'ffn_output'].map(
      (part) => `albert.encoder.albert_layer_groups.0.albert_layers.0.${part}`,
    ),
  llama: (i) =>
    ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj', 'self_attn.o_proj']
      .concat('mlp.gate_proj', 'mlp.up_proj', 'mlp.down_proj')
      .map((part) => `model.layers.${i}.${part}`),
};

describe('layers are found by how values flow, with the weights they have in transformers', () => {
  test.each(files)('%s', async (file) => {
    const [family = ''] = file.split('-');
    const loaded = await loadModel(path.join(fixtures, `${file}.onnx`));
    const golden = await readSafetensors(path.join(fixtures, family, 'model.safetensors'));
    expect(loaded.imported?.unknown).toEqual([]);
    const layers = family === 'albert' ? 1 : 2; // ALBERT's share their weights
    const heads = family === 'llama' ? { count: 2, size: 4, queries: 2 } : { count: 4, size: 4 };
    expect(loaded.prunable).toMatchObject(Array(layers).fill({ heads, neurons: { count: 24 } }));
    const dense = { heads: heads.count, hiddenUnits: 24 };
    expect(loaded.architecture.structure(loaded.config)).toEqual(Array(layers).fill(dense));
    expect(loaded.head.numLabels).toBe(2);
    const known = parts[family];
    for (const [i, group] of loaded.prunable.entries())
      for (const [p, names] of namesOf(group).entries()) {
        if (!known) continue;
        const at = known(i)[p]!;
        expect(loaded.tensors.get(names.weight)?.dims, names.weight).toEqual(golden.get(`${at}.weight`)?.dims);
        expect(loaded.tensors.get(names.weight)?.data).toEqual(golden.get(`${at}.weight`)?.data);
        expect(loaded.tensors.get(names.bias)?.data).toEqual(golden.get(`${at}.bias`)?.data);
      }
    const count = [...loaded.tensors.values()].reduce((n, { data }) => n + data.length, 0);
    expect(count).toBe([...golden.values()].reduce((n, { data }) => n + data.length, 0));
    expect([...loaded.tensors.keys()].every((name) => !/^const_/.test(name))).toBe(true);
  });
});
