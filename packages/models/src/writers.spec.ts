import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Model } from '@neuroprune/onnx';
import * as ort from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import { relativeError } from '../test/run.js';
import { temporaryFolder } from '../test/shared.js';
import { cut, edited, headPlaces, type Place, range, type Tensors, unitPlaces } from '../test/units.js';
import {
  ids,
  logitsOf,
  results,
  type Writer,
  writerBatch,
  writerConfig,
  writerModel,
  writers,
  writerTensors,
} from '../test/writers.js';
import type { ModelConfig } from './architecture.js';
import { buildModel } from './build-model.js';
import { generationModels } from './generation-models.js';
import { headOf } from './head.js';
import { loadModel } from './load-model.js';
import { type HeadGroup, prunableWeights } from './prunable.js';
import { readConfig } from './read-config.js';
import { architectureOf } from './registry.js';
import { writeSafetensors } from './safetensors/write.js';
import { savedConfig } from './save-model.js';
import type { Structure } from './structure.js';

const names = Object.keys(writers) as Writer[];
const run = (config: ModelConfig, tensors: Tensors, structure?: Structure) =>
  logitsOf(writerModel(config, { tensors, ...(structure && { structure }) }).model, writerBatch);

describe.each(names)('%s: declared structure is executed', (name) => {
  const config = writerConfig(name);
  const tensors = writerTensors(config);
  const architecture = architectureOf(config);
  const groups = architecture.prunable(config);
  const headGroups = groups.flatMap(({ heads, crossHeads }) => (crossHeads ? [heads, crossHeads] : [heads]));

  test('a group a layer; every matrix of the layers is named, each name is a parameter', () => {
    expect(groups).toHaveLength(architecture.structure(config).length);
    const cross = groups.flatMap(({ crossHeads: h }) => (h ? [h.query, h.key, h.value, h.output] : []));
    const named = [...groups.flatMap(prunableWeights), ...cross.map(({ weight }) => weight)];
    const matrices = [...tensors].filter(([n, t]) => /\.\d+\./.test(n) && t.dims.length === 2).map(([n]) => n);
    const tables = headGroups.flatMap(({ biasTable }) => biasTable ?? []);
    expect([...new Set([...named, ...tables])].sort()).toEqual(matrices.sort());
  });

  test.each(range(0, groups.length))('layer %i: a hidden unit that nothing makes is read by nobody', async (layer) => {
    const group = groups[layer]!.neurons;
    const { made, read } = unitPlaces(tensors, group, 4);
    const silent = edited(tensors, made, 0);
    const before = await run(config, silent);
    expect(await run(config, edited(silent, read, 9))).toEqual(before);
    expect(await run(config, edited(silent, unitPlaces(tensors, group, 5).read, 9))).not.toEqual(before);
    expect(await run(config, tensors)).not.toEqual(before);
  });

  test.each(range(0, headGroups.length))('attention %i: a head without values is read by nobody', async (index) => {
    const group = headGroups[index] as HeadGroup;
    const { values, scores, read } = headPlaces(tensors, group, 1);
    const silent = edited(tensors, values, 0);
    const before = await run(config, silent);
    for (const places of [read, scores]) expect(await run(config, edited(silent, places, 9))).toEqual(before);
    expect(await run(config, edited(silent, headPlaces(tensors, group, 2).read, 9))).not.toEqual(before);
  });

  test('a compacted model equals the one with zeros, layers of different sizes', async () => {
    const small = compacted(config, tensors);
    const zeroed = await run(config, small.zeroed);
    expect(relativeError(await run(config, small.tensors, small.structure), zeroed)).toBeLessThan(1e-5);
    expect(zeroed).not.toEqual(await run(config, tensors));
  });

  test('layers without any head or hidden unit keep what has no input', async () => {
    const places = groups.flatMap(({ heads, crossHeads, neurons }) => [
      ...[heads, ...(crossHeads ? [crossHeads] : [])].flatMap((g) =>
        range(0, g.count).flatMap((h) => headPlaces(tensors, g, h).read),
      ),
      ...range(0, neurons.count).flatMap((u) => unitPlaces(tensors, neurons, u).read),
    ]);
    const none = architecture.structure(config).map((layer) => ({
      heads: 0,
      hiddenUnits: 0,
      ...(layer.crossHeads !== undefined && { crossHeads: 0 }),
    }));
    const expected = await run(config, edited(tensors, places, 0));
    expect(relativeError(await run(config, tensors, none), expected)).toBeLessThan(1e-5);
  });
});

/** Layer 0 without its middle head, the last without its first two and half of its hidden units. */
function compacted(config: ModelConfig, tensors: Tensors) {
  const { prunable, structure: dense } = architectureOf(config);
  const groups = prunable(config);
  const gone = (layer: number) => (layer === 0 ? [1] : layer === groups.length - 1 ? [0, 1] : []);
  const units = (layer: number) => (layer === groups.length - 1 ? range(0, 5) : []);
  const removed: Place[] = [];
  const read: Place[] = [];
  groups.forEach(({ heads, crossHeads, neurons }, layer) => {
    for (const group of crossHeads ? [heads, crossHeads] : [heads])
      for (const head of gone(layer)) {
        const places = headPlaces(tensors, group, head);
        removed.push(...places.values, ...places.scores, ...places.read);
        read.push(...places.read);
      }
    for (const unit of units(layer)) {
      const places = unitPlaces(tensors, neurons, unit);
      removed.push(...places.made, ...places.read);
      read.push(...places.read);
    }
  });
  // A head that no layer of a stack has any more is gone from the table that they share.
  for (const table of new Set(groups.flatMap(({ heads }) => heads.biasTable ?? []))) {
    const layers = groups.flatMap(({ heads }, i) => (heads.biasTable === table ? [i] : []));
    const everywhere = range(0, 3).filter((head) => layers.every((layer) => gone(layer).includes(head)));
    if (everywhere.length > 0) removed.push({ name: table, axis: 1, at: everywhere });
  }
  const structure: Structure = dense(config).map((layer, i) => ({
    heads: layer.heads - gone(i).length,
    hiddenUnits: layer.hiddenUnits - units(i).length,
    keptHeads: range(0, layer.heads).filter((head) => !gone(i).includes(head)),
    ...(layer.crossHeads !== undefined && { crossHeads: layer.crossHeads - gone(i).length }),
  }));
  return { tensors: cut(tensors, removed), zeroed: edited(tensors, read, 0), structure };
}

/** Logits of the last token of one row, token after token through the cache; the prompt at once. */
async function cached(models: ReadonlyMap<string, Model>, prompt: readonly number[], target: readonly number[]) {
  const model = models.get('model') ?? models.get('decoder_model_merged')!;
  const encoder = models.get('encoder_model');
  const mask = ids([prompt.map(() => 1)]);
  const states = encoder && (await results(encoder, { input_ids: ids([prompt]), attention_mask: mask }));
  const fed = encoder ? target : [...prompt, ...target];
  let cache: Record<string, ort.Tensor> = Object.fromEntries(
    model.graph.inputs
      .filter((v) => v.name.startsWith('past_'))
      .map(({ name, shape = [] }) => {
        const dims = shape.map((d) => (typeof d === 'number' ? d : d === 'batch_size' ? 1 : 0));
        return [name, new ort.Tensor('float32', new Float32Array(0), dims)];
      }),
  );
  const logits: number[] = [];
  const pieces = [
    range(0, fed.length - target.length + 1),
    ...range(fed.length - target.length + 1, target.length - 1).map((i) => [i]),
  ];
  for (const piece of pieces) {
    const outputs = await results(model, {
      input_ids: ids([piece.map((i) => fed[i]!)]),
      position_ids: ids([piece]),
      attention_mask: ids([range(0, piece.at(-1)! + 1).map(() => 1)]),
      encoder_attention_mask: mask,
      ...(states && { encoder_hidden_states: states.last_hidden_state! }),
      ...cache,
    });
    logits.push(...(outputs.logits!.data as Float32Array));
    cache = Object.fromEntries(
      Object.entries(outputs).flatMap(([n, t]) =>
        n === 'logits' ? [] : [[n.replace('present', 'past_key_values'), t]],
      ),
    );
  }
  return { logits, cache };
}

describe.each(names)('%s: writing with a cache', (name) => {
  const config = writerConfig(name);
  const tensors = writerTensors(config);
  const { structure: dense, generation } = architectureOf(config);
  const prompt = [3, 7, 11, 2];
  const target = [2, 9, 4, 17, 21];
  const causal = generation?.kind === 'causal';

  test.each([false, true])('gives the logits of the whole text at once (compacted: %s)', async (isSmall) => {
    const given = isSmall ? compacted(config, tensors) : { tensors, structure: dense(config) };
    const { model } = writerModel(config, given);
    const whole = await logitsOf(model, {
      input_ids: ids([causal ? [...prompt, ...target] : prompt]),
      attention_mask: ids([range(0, causal ? prompt.length + target.length : prompt.length).map(() => 1)]),
      decoder_input_ids: ids([target]),
    });
    const models = generationModels({ config, ...given })!;
    const { logits, cache } = await cached(models, prompt, target);
    expect(relativeError(logits, whole)).toBeLessThan(1e-5);
    const decoders = given.structure.filter(
      (_, i) => causal || i >= given.structure.length - dense(config).filter((l) => l.crossHeads !== undefined).length,
    );
    decoders.forEach((layer, i) => {
      const own = causal ? `${i}` : `${i}.decoder`;
      expect(cache[`past_key_values.${own}.key`]?.dims).toEqual([1, layer.heads, causal ? 9 : 5, 4]);
      if (!causal) expect(cache[`past_key_values.${i}.encoder.value`]?.dims).toEqual([1, layer.crossHeads, 4, 4]);
    });
  });
});

test('a decoder that reads no earlier token cannot be cached', () => {
  const config = writerConfig('llama');
  const structure = [0, 1].map(() => ({ heads: 0, hiddenUnits: 10 }));
  expect(() => generationModels({ config, tensors: writerTensors(config), structure })).toThrow('keep one head');
});

test('an encoder alone writes nothing', () => {
  const config = architectureOf({ model_type: 'bert' }).config.parse({
    model_type: 'bert',
    vocab_size: 30,
    hidden_size: 12,
    num_hidden_layers: 1,
    num_attention_heads: 3,
    intermediate_size: 10,
  });
  expect(generationModels({ config, tensors: new Map() })).toBeUndefined();
});

describe('names in checkpoints', () => {
  const standard = (name: Writer) => writerTensors(writerConfig(name));
  test.each<[what: string, name: Writer, rename: (name: string) => string]>([
    ['standard', 'llama', (n) => n],
    ['of the bare GPT2Model', 'gpt2', (n) => n.replace(/^transformer\./, '')],
    ['of the bare Qwen2Model', 'qwen2', (n) => n.replace(/^model\./, '')],
    ['of the bare OPTModel', 'opt', (n) => n.replace(/^model\./, '')],
    ['of the bare BartModel', 'bart', (n) => n.replace(/^model\./, '')],
    ['of the bare BartDecoder', 'bart decoder', (n) => n.replace(/^model\./, '')],
    ['of the bare BertModel', 'bert decoder', (n) => n.replace(/^bert\./, '')],
    ['of the bare RobertaModel', 'roberta decoder', (n) => n.replace(/^roberta\./, '')],
    [
      'the words of both sides kept, BART’s decoder',
      'bart decoder',
      (n) => n.replace('decoder.embed_tokens.', 'shared.'),
    ],
    [
      'the head kept of what is tied, Marian’s decoder',
      'marian decoder',
      (n) => n.replace('model.decoder.embed_tokens.', 'lm_head.'),
    ],
    ['the head kept of what is tied, GPT-2', 'gpt2', (n) => n.replace('transformer.wte.', 'lm_head.')],
    ['the head kept of what is tied, OPT', 'opt', (n) => n.replace('model.decoder.embed_tokens.', 'lm_head.')],
    ['the head kept of what is tied, Qwen2', 'qwen2', (n) => n.replace('model.embed_tokens.', 'lm_head.')],
    ['the decoder’s words kept of what is tied, T5', 't5', (n) => n.replace('shared.', 'decoder.embed_tokens.')],
    ['the head kept of what is tied, T5', 't5', (n) => n.replace('shared.', 'lm_head.')],
    [
      'the encoder’s words kept of what is tied, v1.1',
      't5, gated',
      (n) => n.replace('shared.', 'encoder.embed_tokens.'),
    ],
    [
      'the encoder’s words kept of what is tied, Marian',
      'marian',
      (n) => n.replace('model.shared.', 'model.encoder.embed_tokens.'),
    ],
  ])('%s: every tensor is used once, none is made', async (_, name, rename) => {
    const tensors = standard(name);
    const folder = await folderOf(name, new Map([...tensors].map(([n, t]) => [rename(n), t])));
    const loaded = await loadModel(folder);
    expect({ unused: loaded.unused, fresh: loaded.fresh }).toEqual({ unused: [], fresh: [] });
    expect(Object.fromEntries(loaded.tensors)).toEqual(Object.fromEntries(tensors));
  });

  test('a copy of a tied parameter is left over, a head of its own is not', async () => {
    const [tied, own] = [standard('qwen2'), standard('llama')];
    const copy = await loadModel(
      await folderOf('qwen2', new Map(tied).set('lm_head.weight', tied.get('model.embed_tokens.weight')!)),
    );
    expect(copy.unused).toEqual(['lm_head.weight']);
    own.delete('lm_head.weight');
    await expect(loadModel(await folderOf('llama', own))).rejects.toThrow('lm_head.weight: expected among the weights');
  });

  test('Marian without final_logits_bias has zeros, which are never trained', async () => {
    const tensors = standard('marian');
    tensors.delete('final_logits_bias');
    const { buffers, tensors: read, fresh } = await loadModel(await folderOf('marian', tensors));
    expect([buffers, fresh]).toEqual([['final_logits_bias'], []]);
    expect(read.get('final_logits_bias')?.data).toEqual(new Float32Array(30));
  });
});

describe.each(['bert', 'electra', 'roberta', 'xlm-roberta'] as const)('%s as a decoder', (type) => {
  const config = writerConfig(`${type} decoder`);
  const tensors = writerTensors(config);
  const logits = async (tokens: number[], json = config) => {
    const inputs = {
      input_ids: ids([tokens]),
      attention_mask: ids([tokens.map(() => 1)]),
      token_type_ids: ids([tokens.map(() => 0)]),
    };
    const task = json.is_decoder ? 'causal-lm' : 'masked-lm';
    return logitsOf(buildModel({ config: json, tensors, labels: 0, task }).model, inputs);
  };

  test('a token’s logits are those of the text up to it; an encoder’s change with what follows', async () => {
    const [short, long] = [await logits([5, 8, 2]), await logits([5, 8, 2, 9])];
    expect(relativeError(long.slice(0, short.length), short)).toBeLessThan(1e-6);
    const both = writerConfig(`${type} decoder`, { is_decoder: false });
    expect(relativeError((await logits([5, 8, 2, 9], both)).slice(0, short.length), short)).toBeGreaterThan(1e-2);
  });

  test.each(['sequence-classification', 'masked-lm'] as const)('has no head for %s', async (task) => {
    const folder = await folderOf(`${type} decoder`, tensors);
    await expect(loadModel(folder, { task })).rejects.toThrow(
      `${type}: expected an architecture with a head for ${task}, got one for causal-lm; is_decoder in config.json`,
    );
  });

  test('an encoder has no head for texts', async () => {
    const encoder = writerConfig(`${type} decoder`, { is_decoder: false });
    const building = () => buildModel({ config: encoder, tensors, labels: 0, task: 'causal-lm' });
    expect(building).toThrow('with a head for causal-lm, got one for sequence-classification or masked-lm');
    expect(generationModels({ config: encoder, tensors })).toBeUndefined();
  });

  test('is saved as what it is, and its missing head is drawn', async () => {
    const headless = new Map([...tensors].filter(([n]) => n.startsWith(type.replace('xlm-', ''))));
    const fresh = await loadModel(await folderOf(`${type} decoder`, headless));
    expect(fresh.task).toBe('causal-lm');
    expect(new Set([...headless.keys(), ...fresh.fresh])).toEqual(new Set(tensors.keys()));
    expect(fresh.fresh.length).toBeGreaterThan(4);
    const saved = savedConfig(fresh);
    expect(saved).toMatchObject({ is_decoder: true, architectures: [expect.stringMatching(/LM$|LMHeadModel$/)] });
  });
});

test('BART’s decoder has no part that reads an encoder', async () => {
  const tensors = writerTensors(writerConfig('bart decoder'));
  expect([...tensors.keys()].filter((n) => /encoder_attn|encoder\.|final_logits/.test(n))).toEqual([]);
  const more = new Map(tensors).set('model.decoder.layers.0.encoder_attn.q_proj.bias', tensors.values().next().value!);
  const { unused } = await loadModel(await folderOf('bart decoder', more));
  expect(unused).toEqual(['model.decoder.layers.0.encoder_attn.q_proj.bias']);
});

async function folderOf(name: Writer, tensors: Tensors): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(writers[name]));
  await writeSafetensors(path.join(folder, 'model.safetensors'), tensors);
  return folder;
}

test.each<[what: string, json: object, message: string]>([
  ['YaRN', { ...writers.llama, rope_scaling: { rope_type: 'yarn', factor: 2 } }, 'rope_scaling.rope_type'],
  [
    'YaRN, as transformers 5 writes it',
    { ...writers.llama, rope_parameters: { rope_type: 'yarn', factor: 2, rope_theta: 1e6 } },
    'rope_scaling.rope_type',
  ],
  ['heads that turn in part', { ...writers.llama, partial_rotary_factor: 0.5 }, 'partial_rotary_factor'],
  [
    'heads that turn in part, as transformers 5 writes it',
    { ...writers.llama, rope_parameters: { rope_type: 'default', partial_rotary_factor: 0.5 } },
    'rope_scaling.partial_rotary_factor',
  ],
  ['unequal groups', { ...writers.llama, num_attention_heads: 5 }, 'num_attention_heads'],
  ['a sliding window', { ...writers.qwen2, use_sliding_window: true }, 'use_sliding_window'],
  [
    'two vocabularies',
    { ...writers.marian, share_encoder_decoder_embeddings: false },
    'share_encoder_decoder_embeddings',
  ],
  ['an unknown feed-forward part', { ...writers.t5, feed_forward_proj: 'gated-swish' }, 'feed_forward_proj'],
  ['cross attention in GPT-2', { ...writers.gpt2, add_cross_attention: true }, 'add_cross_attention'],
])('%s is refused by name', async (_, json, message) => {
  const folder = await temporaryFolder();
  await writeFile(path.join(folder, 'config.json'), JSON.stringify(json));
  await expect(readConfig(folder)).rejects.toThrow(message);
});

test('a linear scale of rotary positions and Llama 3’s change the logits, a default one does not', async () => {
  const plain = writerConfig('llama');
  const tensors = writerTensors(plain);
  const scaled = (rope_scaling: object) => run(writerConfig('llama', { rope_scaling }), tensors);
  const before = await run(plain, tensors);
  const llama3 = { factor: 8, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 16 };
  expect(await scaled({ type: 'default' })).toEqual(before);
  expect(await scaled({ type: 'linear', factor: 2 })).not.toEqual(before);
  expect(await scaled({ rope_type: 'llama3', ...llama3 })).not.toEqual(before);
});

test('rotary positions as transformers 5 writes them are those that earlier versions write as two', async () => {
  const tensors = writerTensors(writerConfig('llama'));
  const logits = (changes: object) => run(writerConfig('llama', changes), tensors);
  const scaling = { rope_type: 'linear', factor: 2 };
  for (const [rope_parameters, apart] of [
    [{ rope_type: 'default', rope_theta: 7 }, { rope_theta: 7 }],
    [{ rope_theta: 7 }, { rope_theta: 7 }],
    [
      { ...scaling, rope_theta: 7 },
      { rope_theta: 7, rope_scaling: scaling },
    ],
    [scaling, { rope_scaling: scaling }],
  ]) {
    const expected = await logits(apart!);
    expect(await logits({ rope_parameters })).toEqual(expected);
    expect(expected).not.toEqual(await logits({}));
  }
  // Both kinds of readers find what they look for in what is saved.
  const config = writerConfig('llama', { rope_parameters: { ...scaling, rope_theta: 7 } });
  expect(savedConfig({ config, head: headOf(config), task: 'causal-lm' })).toMatchObject({
    rope_theta: 7,
    rope_scaling: scaling,
    rope_parameters: { ...scaling, rope_theta: 7 },
  });
});
