import path from 'node:path';
import { float32, type Tensor } from '@neuroprune/onnx';
import { describe, expect, test } from 'vitest';
import { type Encoder, encoderConfig, encoders, encoderTensors, fixtures } from '../test/families.js';
import { goldenTokens, logits, relativeError, tokens } from '../test/run.js';
import { temporaryFolder } from '../test/shared.js';
import { buildModel } from './build-model.js';
import { headOf } from './head.js';
import { loadModel } from './load-model.js';
import { prunableWeights } from './prunable.js';
import { architectureOf } from './registry.js';
import { readSafetensors } from './safetensors/read.js';
import { saveModel } from './save-model.js';
import type { LayerStructure } from './structure.js';

type Tensors = ReadonlyMap<string, Tensor<'float32'>>;

const batch = tokens([7, 3, 5], 7, 30);
const range = (from: number, count: number) => Array.from({ length: count }, (_, i) => from + i);

/** A copy in which rows or columns of a matrix (elements of a vector: columns) have a value. */
function edited(tensors: Tensors, name: string, axis: 'row' | 'column', at: readonly number[], value: number): Tensors {
  const { dims, data } = tensors.get(name) as Tensor<'float32'>;
  const columns = dims.at(-1) as number;
  const hit = (i: number) => at.includes(axis === 'row' ? Math.floor(i / columns) : i % columns);
  return new Map(tensors).set(
    name,
    float32(
      data.map((x, i) => (hit(i) ? value : x)),
      dims,
    ),
  );
}

describe.each(['albert', 'deberta-v2'])('%s', (name) => {
  test('logits of a classifier equal PyTorch’s', async () => {
    const folder = path.join(fixtures, name);
    const golden = await readSafetensors(path.join(folder, 'golden.safetensors'));
    const { model, unused, fresh } = await loadModel(folder);
    expect({ unused, fresh }).toEqual({ unused: [], fresh: [] });
    const expected = golden.get('f64.logits')?.data as Float64Array;
    expect(relativeError(await logits(model, goldenTokens(golden)), expected)).toBeLessThan(1e-5);
  });
});

describe.each(encoders)('%s: masked words', (type) => {
  const folder = path.join(fixtures, 'masked-lm', type);
  test('logits equal PyTorch’s, padding included, from the class that config.json names', async () => {
    const golden = await readSafetensors(path.join(folder, 'golden.safetensors'));
    const { model, unused, fresh, task } = await loadModel(folder);
    expect({ unused, fresh, task }).toEqual({ unused: [], fresh: [], task: 'masked-lm' });
    const expected = golden.get('f64.logits')?.data as Float64Array;
    expect(relativeError(await logits(model, goldenTokens(golden)), expected)).toBeLessThan(1e-5);
    expect(model.graph.outputs[0]?.shape).toEqual(['batch', 'sequence', 40]);
  });

  test('saved, loaded again and with a head for classes', async () => {
    const [loaded, target] = [await loadModel(folder), await temporaryFolder()];
    await saveModel(target, loaded);
    const again = await loadModel(target);
    expect([again.task, [...again.tensors]]).toEqual(['masked-lm', [...loaded.tensors]]);
    const classifier = await loadModel(target, { head: { numLabels: 3 } });
    expect(classifier.model.graph.outputs[0]?.shape).toEqual(['batch', 3]);
    expect(classifier.fresh.length).toBeGreaterThan(1);
    expect(classifier.unused.length).toBeGreaterThan(1);
  });

  test('a map to the vocabulary of its own is read where it is not tied', async () => {
    const config = { ...(await loadModel(folder)).config, tie_word_embeddings: false };
    const { tensors } = await loadModel(folder);
    const build = () => buildModel({ config, tensors, labels: 2, task: 'masked-lm' });
    expect(build).toThrow(/(decoder|vocab_projector|generator_lm_head)\.weight: expected among the weights/);
  });
});

describe.each(encoders)('%s: declared structure is executed', (type) => {
  const config = encoderConfig(type);
  const tensors = encoderTensors(type);
  const groups = architectureOf(config).prunable(config);
  const run = (t: Tensors, structure?: LayerStructure[]) =>
    logits(buildModel({ config, tensors: t, labels: 2, ...(structure && { structure }) }).model, batch);

  test('every name is a parameter, every matrix of the layers is named', () => {
    const names = groups.flatMap((group) => prunableWeights(group));
    expect(names.filter((name) => !tensors.has(name) || !tensors.has(name.replace(/weight$/, 'bias')))).toEqual([]);
    const inLayers = [...tensors].filter(([name, t]) => /layers?\.\d/.test(name) && t.dims.length === 2);
    expect(names.sort()).toEqual(inLayers.map(([name]) => name).sort());
    expect(groups).toHaveLength(2);
  });

  test.each([0, 1])('layer %i: a hidden unit that nothing makes is read by nobody', async (layer) => {
    const { out, in: read } = groups[layer]!.neurons;
    let silent: Tensors = tensors;
    for (const { weight, bias } of out) silent = edited(edited(silent, weight, 'row', [4], 0), bias, 'column', [4], 0);
    const before = await run(silent);
    for (const { weight } of read) {
      expect(await run(edited(silent, weight, 'column', [4], 9))).toEqual(before);
      expect(await run(edited(silent, weight, 'column', [5], 9))).not.toEqual(before);
    }
  });

  test.each([0, 1])('layer %i: a head without values is read by nobody', async (layer) => {
    const { value, query, key, output, size } = groups[layer]!.heads;
    const rows = range(size, size);
    const silent = edited(edited(tensors, value.weight, 'row', rows, 0), value.bias, 'column', rows, 0);
    const before = await run(silent);
    expect(await run(edited(silent, output.weight, 'column', rows, 9))).toEqual(before);
    for (const { weight } of [query, key]) expect(await run(edited(silent, weight, 'row', rows, 9))).toEqual(before);
    expect(await run(edited(silent, output.weight, 'column', range(0, size), 9))).not.toEqual(before);
  });

  test('a compacted layer equals the one with zeros', async () => {
    const { heads: h, neurons: n } = groups[1]!;
    const [headRows, units, dims] = [range(4, 8), [0, 2, 3, 7], [1, 4, 5, 6, 11]];
    const off = (from: readonly number[], count: number) => range(0, count).filter((i) => !from.includes(i));
    const reading = [h.query, h.key, h.value, n.out[0]!];
    let zeroed = edited(tensors, h.output.weight, 'column', off(headRows, 12), 0);
    zeroed = edited(zeroed, n.in[0]!.weight, 'column', off(units, 10), 0);
    for (const { weight } of reading) zeroed = edited(zeroed, weight, 'column', off(dims, 12), 0);
    const small = new Map(zeroed);
    const cut = (name: string, rows: readonly number[] | undefined, columns: readonly number[] | undefined) => {
      const { dims: shape, data } = small.get(name)!;
      const [height, width] = shape.length === 1 ? [1, shape[0]!] : [shape[0]!, shape[1]!];
      const [down, across] = [rows ?? range(0, height), columns ?? range(0, width)];
      const content = down.flatMap((r) => across.map((col) => data[r * width + col]!));
      small.set(name, float32(content, shape.length === 1 ? [across.length] : [down.length, across.length]));
    };
    for (const { weight, bias } of [h.query, h.key, h.value]) {
      cut(weight, headRows, dims);
      cut(bias, undefined, headRows);
    }
    cut(h.output.weight, undefined, headRows);
    cut(n.out[0]!.weight, units, dims);
    cut(n.out[0]!.bias, undefined, units);
    cut(n.in[0]!.weight, undefined, units);
    const left = { heads: 2, hiddenUnits: 4, inputDims: { attention: dims, mlp: dims } };
    const structure = [{ heads: 3, hiddenUnits: 10 }, left];
    expect(relativeError(await run(small, structure), await run(zeroed))).toBeLessThan(1e-5);
  });

  test('nothing of a layer left but its biases', async () => {
    const { heads: h, neurons: n } = groups[0]!;
    const silent = edited(
      edited(tensors, h.output.weight, 'row', range(0, 12), 0),
      n.in[0]!.weight,
      'row',
      range(0, 12),
      0,
    );
    const bare = new Map(silent);
    for (const { weight, bias } of [h.query, h.key, h.value, ...n.out]) {
      bare.delete(weight);
      bare.delete(bias);
    }
    for (const { weight } of [h.output, ...n.in]) bare.delete(weight);
    const structure = [
      { heads: 0, hiddenUnits: 0 },
      { heads: 3, hiddenUnits: 10 },
    ];
    expect(relativeError(await run(bare, structure), await run(silent))).toBeLessThan(1e-5);
  });

  test('a row alone and in a padded batch has the same logits', async () => {
    const { model } = buildModel({ config, tensors, labels: 2 });
    const alone = await logits(model, tokens([7], 7, 30));
    expect(relativeError((await logits(model, tokens([7, 2], 12, 30))).slice(0, 2), alone)).toBeLessThan(1e-5);
  });

  test('token types are an input where the model reads them', () => {
    const { model } = buildModel({ config, tensors, labels: 2 });
    const typed = !['distilbert', 'roberta', 'xlm-roberta'].includes(type);
    expect(model.graph.inputs.some(({ name }) => name === 'token_type_ids')).toBe(typed);
  });
});

describe.each(encoders)('%s: names', (type) => {
  const tensors = encoderTensors(type);
  const config = encoderConfig(type);
  const base = [...tensors.keys()].map((name) => name.split('.')[0]!).sort((a, b) => count(b) - count(a))[0]!;
  function count(prefix: string) {
    return [...tensors.keys()].filter((name) => name.startsWith(`${prefix}.`)).length;
  }

  test.each<[what: string, rename: (name: string) => string]>([
    ['standard', (name) => name],
    ['of the bare model', (name) => name.replace(new RegExp(`^${base}\\.`), '')],
    [
      'gamma and beta',
      (name) => name.replace(/(norm|LayerNorm)\.weight$/, '$1.gamma').replace(/(norm|LayerNorm)\.bias$/, '$1.beta'),
    ],
  ])('%s: every tensor is used once', async (_, rename) => {
    const folder = await temporaryFolder();
    const renamed = new Map([...tensors].map(([name, t]) => [rename(name), t]));
    await saveModel(folder, { config, tensors: renamed, head: headOf(config, { numLabels: 2 }) });
    const loaded = await loadModel(folder);
    expect({ fresh: loaded.fresh, unused: loaded.unused }).toEqual({ fresh: [], unused: [] });
    expect(Object.fromEntries(loaded.tensors)).toEqual(Object.fromEntries(tensors));
  });
});

describe('packing', () => {
  test.each(encoders.filter((type) => architectureOf({ model_type: type }).packs))(
    '%s: examples in one sequence have the logits that they have alone',
    async (type) => {
      const [config, tensors] = [encoderConfig(type), encoderTensors(type)];
      const examples = [
        [5, 6, 7, 8, 9],
        [11, 12, 13],
      ];
      const types = [
        [0, 0, 1, 1, 1],
        [0, 1, 1],
      ];
      const plain = buildModel({ config, tensors, labels: 2 }).model;
      const alone: number[] = [];
      for (const [i, ids] of examples.entries())
        alone.push(
          ...(await logits(plain, {
            batch: 1,
            sequence: ids.length,
            input_ids: ids,
            attention_mask: ids.map(() => 1),
            token_type_ids: types[i]!,
          })),
        );
      const { model } = buildModel({ config, tensors, labels: 2, packing: 8 });
      const together = await logits(model, {
        batch: 2,
        sequence: 4,
        input_ids: examples.flat(),
        attention_mask: examples.flatMap((ids, i) => ids.map(() => i + 1)),
        token_type_ids: types.flat(),
        position_ids: examples.flatMap((ids) => ids.map((_, t) => t)),
        first_tokens: [0, 5],
      });
      expect(relativeError(together, alone)).toBeLessThan(1e-5);
    },
  );

  test('DeBERTa does not pack, and says so', () => {
    const request = { config: encoderConfig('deberta-v2'), tensors: encoderTensors('deberta-v2'), labels: 2 };
    expect(() => buildModel({ ...request, packing: 8 })).toThrow('deberta-v2: expected an architecture that packs');
  });
});

describe('positions', () => {
  const run = async (type: Encoder, changes: object, mask: readonly number[], ids: readonly number[]) => {
    const config = encoderConfig(type, changes);
    const { model } = buildModel({ config, tensors: encoderTensors(type, changes), labels: 2 });
    return logits(model, {
      batch: 1,
      sequence: ids.length,
      input_ids: ids,
      attention_mask: mask,
      token_type_ids: ids.map(() => 0),
    });
  };

  test('RoBERTa skips padding wherever it stands', async () => {
    const plain = await run('roberta', {}, [1, 1, 1], [5, 6, 7]);
    expect(relativeError(await run('roberta', {}, [1, 0, 1, 1], [5, 0, 6, 7]), plain)).toBeLessThan(1e-5);
    expect(
      relativeError(await run('bert', {}, [1, 0, 1, 1], [5, 0, 6, 7]), await run('bert', {}, [1, 1, 1], [5, 6, 7])),
    ).toBeGreaterThan(1e-3);
  });

  test.each<[key: string, value: unknown]>([
    ['position_buckets', 6],
    ['max_relative_positions', 6],
    ['pos_att_type', 'c2p'],
    ['pos_att_type', ['p2c']],
    ['relative_attention', false],
    ['norm_rel_ebd', 'none'],
    ['position_biased_input', false],
    ['type_vocab_size', 0],
    ['embedding_size', 8],
    ['conv_kernel_size', 3],
    ['pooler_hidden_act', 'tanh'],
  ])('DeBERTa: %s %j changes the logits', async (key, value) => {
    const ids = [5, 6, 7, 8, 9, 10, 11, 12];
    const mask = ids.map(() => 1);
    expect(await run('deberta-v2', { [key]: value }, mask, ids)).not.toEqual(await run('deberta-v2', {}, mask, ids));
  });
});

test.each<[type: Encoder, changes: object, message: string]>([
  ['deberta-v2', { share_att_key: false }, 'expected true'],
  ['deberta-v2', { conv_kernel_size: 2 }, 'expected an odd number, or 0'],
  ['deberta-v2', { conv_kernel_size: 3, conv_groups: 2 }, 'conv_groups'],
  ['deberta-v2', { position_buckets: 5 }, 'expected an even number'],
  ['deberta-v2', { position_buckets: 14 }, 'expected less than twice max_relative_positions'],
  ['deberta-v2', { pos_att_type: 'c2p|p2p' }, 'pos_att_type'],
  ['albert', { num_hidden_groups: 5 }, 'expected at most num_hidden_layers'],
  ['distilbert', { n_heads: 5 }, 'expected a multiple of n_heads'],
  ['electra', { hidden_size: 13 }, 'expected a multiple of num_attention_heads'],
  ['roberta', { position_embedding_type: 'relative_key' }, 'absolute'],
  ['xlm-roberta', { is_decoder: true, add_cross_attention: true }, 'add_cross_attention'],
  ['electra', { is_decoder: true, is_encoder_decoder: true }, 'is_encoder_decoder'],
])('%s with %j is refused', (type, changes, message) => {
  expect(() => encoderConfig(type, changes)).toThrow(message);
});
