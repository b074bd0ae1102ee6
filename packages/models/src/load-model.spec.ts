import { mkdir, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { float32, type Tensor } from '@neuroprune/onnx';
import { describe, expect, test } from 'vitest';
import { hasShared, modelFolder, temporaryFolder } from '../test/shared.js';
import { tinyJson, tinyTensors } from '../test/tiny.js';
import { loadModel } from './load-model.js';
import { toFloat32 } from './safetensors/dtype.js';
import { readSafetensors } from './safetensors/read.js';
import { encodeSafetensors, writeSafetensors } from './safetensors/write.js';

const tensors = tinyTensors();

/** A model folder with this configuration and these tensors. */
async function folderOf(config: unknown, content: ReadonlyMap<string, Tensor> = tensors): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(path.join(folder, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));
  await writeSafetensors(path.join(folder, 'model.safetensors'), content);
  return folder;
}

const renamed = (rename: (name: string) => string) => new Map([...tensors].map(([name, t]) => [rename(name), t]));
const without = (pattern: RegExp) => new Map([...tensors].filter(([name]) => !pattern.test(name)));

describe('names', () => {
  test.each<[what: string, content: ReadonlyMap<string, Tensor>]>([
    ['standard', tensors],
    ['without the bert. prefix', renamed((name) => name.replace(/^bert\./, ''))],
    [
      'gamma and beta',
      renamed((name) =>
        name.replace(/LayerNorm\.weight/, 'LayerNorm.gamma').replace(/LayerNorm\.bias/, 'LayerNorm.beta'),
      ),
    ],
  ])('%s: every tensor is used once, none is made', async (_, content) => {
    const loaded = await loadModel(await folderOf(tinyJson, content));
    expect({ fresh: loaded.fresh, unused: loaded.unused }).toEqual({ fresh: [], unused: [] });
    expect(Object.fromEntries(loaded.tensors)).toEqual(Object.fromEntries(tensors));
    const initializers = loaded.model.graph.initializers.map((value) => value.name);
    expect(initializers.filter((name) => tensors.has(name)).sort()).toEqual([...tensors.keys()].sort());
  });

  test('what the model does not need is reported under its own name', async () => {
    const content = new Map([
      ...without(/^classifier/),
      ['cls.predictions.bias', float32([1])],
      ['embeddings.position_ids', float32([1])],
    ]);
    const loaded = await loadModel(await folderOf(tinyJson, content), { head: { numLabels: 3 } });
    expect([...loaded.unused].sort()).toEqual(['cls.predictions.bias', 'embeddings.position_ids']);
    expect(loaded.fresh).toEqual(['classifier.weight', 'classifier.bias']);
  });

  test('the same parameter under two spellings is refused', async () => {
    const twice = new Map([...tensors, ['pooler.dense.bias', float32(new Float32Array(12))]]);
    await expect(loadModel(await folderOf(tinyJson, twice))).rejects.toThrow('bert.pooler.dense.bias: expected once');
  });

  test('half precision is widened', async () => {
    const bias: Tensor = { dtype: 'bfloat16', dims: [2], data: Uint16Array.of(0x3f80, 0x4000) };
    const loaded = await loadModel(
      await folderOf(tinyJson, new Map<string, Tensor>(tensors).set('classifier.bias', bias)),
    );
    expect(loaded.tensors.get('classifier.bias')).toEqual(float32([1, 2]));
  });

  test('float8 is widened', async () => {
    const bias: Tensor = { dtype: 'float8e4m3fn', dims: [2], data: Uint8Array.of(0x38, 0xc4) };
    const loaded = await loadModel(
      await folderOf(tinyJson, new Map<string, Tensor>(tensors).set('classifier.bias', bias)),
    );
    expect(loaded.tensors.get('classifier.bias')).toEqual(float32([1, -3]));
  });

  test.runIf(hasShared)(
    'MiniLM: only the head is new, only a buffer is left over (skipped without ../shared)',
    async () => {
      const loaded = await loadModel(modelFolder('sentence-transformers/all-MiniLM-L6-v2'));
      expect(loaded.fresh).toEqual(['classifier.weight', 'classifier.bias']);
      expect(loaded.unused).toEqual(['embeddings.position_ids']);
      expect(loaded.tensors.size).toBe(4 + 1 + 6 * 16 + 4);
    },
  );
});

describe('weights', () => {
  test('everything that is missing or does not fit is listed by name, before any weight is read', async () => {
    const content = new Map<string, Tensor>(without(/layer\.1\.output\.dense/));
    content.set('bert.pooler.dense.bias', float32(new Float32Array(5)));
    content.set('bert.embeddings.LayerNorm.bias', { dtype: 'int32', dims: [12], data: new Int32Array(12) });
    await expect(loadModel(await folderOf(tinyJson, content))).rejects.toThrow(
      'bert.embeddings.LayerNorm.bias: expected a floating-point type, got int32; ' +
        'bert.encoder.layer.1.output.dense.weight: expected among the weights, got none; ' +
        'bert.encoder.layer.1.output.dense.bias: expected among the weights, got none; ' +
        'bert.pooler.dense.bias: expected [12], got [5]; the weights are incomplete',
    );
  });

  test('a long list is cut and counted', async () => {
    const names = [...tensors.keys()].filter((name) => name.includes('encoder'));
    const loading = loadModel(await folderOf(tinyJson, without(/encoder/)));
    await expect(loading).rejects.toThrow(`got none; and ${names.length - 20} more; the weights are incomplete`);
  });

  test('tensors that the model has no use for are never read', async () => {
    const integers: Tensor = { dtype: 'int8', dims: [1], data: new Int8Array(1) };
    const folder = await folderOf(tinyJson, new Map<string, Tensor>([...tensors, ['unused', integers]]));
    // Whatever is read becomes float32, which integers do not.
    const reading = readSafetensors(path.join(folder, 'model.safetensors'), { each: toFloat32 });
    await expect(reading).rejects.toThrow('got int8');
    expect((await loadModel(folder)).unused).toEqual(['unused']);
  });

  test('shards are loaded as one file is', async () => {
    const folder = await folderOf(tinyJson);
    await rm(path.join(folder, 'model.safetensors'));
    const shardOf = (name: string) => `model-0000${name.includes('layer.1') ? 2 : 1}-of-00002.safetensors`;
    for (const shard of ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors'])
      await writeSafetensors(path.join(folder, shard), new Map([...tensors].filter(([n]) => shardOf(n) === shard)));
    const index = { weight_map: Object.fromEntries([...tensors.keys()].map((name) => [name, shardOf(name)])) };
    await writeFile(path.join(folder, 'model.safetensors.index.json'), JSON.stringify(index));
    const loaded = await loadModel(folder);
    expect(Object.fromEntries(loaded.tensors)).toEqual(Object.fromEntries(tensors));
    await rm(path.join(folder, 'model-00002-of-00002.safetensors'));
    await expect(loadModel(folder)).rejects.toThrow('model-00002-of-00002.safetensors: expected a file to read');
  });

  test.each([
    ['pytorch_model.bin', 'got pytorch_model.bin, a pickle, which can run code when it is read; write it anew'],
    ['pytorch_model-00001-of-00002.bin', 'a pickle'],
    ['model.pt', 'got model.pt, a pickle'],
    ['weights.pth', 'got weights.pth, a pickle'],
    ['training_args.bin', 'got none'],
    ['tf_model.h5', 'got tf_model.h5'],
    ['adapter_model.safetensors', 'got adapter_model.safetensors'],
    ['model_q4.onnx', 'or the whole model in float32 as onnx/model.onnx, got model_q4.onnx; quantized models'],
  ])('%s in place of safetensors', async (name, message) => {
    const folder = await folderOf(tinyJson);
    await rm(path.join(folder, 'model.safetensors'));
    await writeFile(path.join(folder, name), 'x');
    await expect(loadModel(folder)).rejects.toThrow(message);
  });
});

describe('a fresh head', () => {
  const headless = without(/^(classifier|bert\.pooler)/);
  const fresh = async (seed: number) => {
    const loaded = await loadModel(await folderOf({ ...tinyJson, initializer_range: 0.5 }, headless), { seed });
    return loaded.tensors.get('bert.pooler.dense.weight')?.data as Float32Array;
  };

  test('has the deviation of the configuration, bias 0, and follows the seed', async () => {
    const [a, again, b] = [await fresh(1), await fresh(1), await fresh(2)];
    expect(again).toEqual(a);
    expect(b).not.toEqual(a);
    const mean = a.reduce((sum, x) => sum + x, 0) / a.length;
    const deviation = Math.sqrt(a.reduce((sum, x) => sum + (x - mean) ** 2, 0) / a.length);
    // 144 draws: the mean is within 3·0.5/12, the deviation within 3·0.5/√288.
    expect(Math.abs(mean)).toBeLessThan(0.125);
    expect(Math.abs(deviation - 0.5)).toBeLessThan(0.09);
    const loaded = await loadModel(await folderOf(tinyJson, headless));
    expect(loaded.tensors.get('classifier.bias')).toEqual(float32([0, 0]));
    expect(loaded.fresh).toEqual([
      'bert.pooler.dense.weight',
      'bert.pooler.dense.bias',
      'classifier.weight',
      'classifier.bias',
    ]);
  });

  test.each<[what: string, extra: object, asked: object, expected: object]>([
    [
      'nothing said',
      {},
      {},
      { numLabels: 2, problemType: 'single_label_classification', id2label: ['LABEL_0', 'LABEL_1'] },
    ],
    ['named labels', { id2label: { 1: 'b', 0: 'a', 2: 'c' } }, {}, { numLabels: 3, id2label: ['a', 'b', 'c'] }],
    ['one label', { id2label: { 0: 'score' } }, {}, { numLabels: 1, problemType: 'regression' }],
    ['num_labels', { num_labels: 4 }, {}, { numLabels: 4 }],
    [
      'a problem type',
      { problem_type: 'multi_label_classification' },
      {},
      { problemType: 'multi_label_classification' },
    ],
    [
      'asked for',
      { id2label: { 0: 'x' } },
      { head: { numLabels: 2, id2label: ['no', 'yes'] } },
      { numLabels: 2, id2label: ['no', 'yes'] },
    ],
  ])('%s', async (_, extra, asked, expected) => {
    const loaded = await loadModel(await folderOf({ ...tinyJson, ...extra }, headless), asked);
    expect(loaded.head).toMatchObject(expected);
    expect(loaded.tensors.get('classifier.weight')?.dims).toEqual([loaded.head.numLabels, 12]);
  });
});

describe('what does not fit is said', () => {
  test.each<[what: string, config: unknown, content: ReadonlyMap<string, Tensor>, message: string]>([
    [
      'another architecture',
      { model_type: 'mamba' },
      tensors,
      "model_type 'mamba' is not supported; supported: albert, bart, bert",
    ],
    ['a name of Object.prototype', { model_type: 'constructor' }, tensors, "model_type 'constructor' is not supported"],
    ['no architecture', {}, tensors, 'expected a model_type, got none; supported: albert, bart, bert'],
    ['no JSON', '{', tensors, 'config.json: expected JSON'],
    [
      'relative positions',
      { ...tinyJson, position_embedding_type: 'relative_key' },
      tensors,
      'position_embedding_type',
    ],
    ['an unknown activation', { ...tinyJson, hidden_act: 'snake' }, tensors, 'hidden_act'],
    [
      'a decoder that reads an encoder',
      { ...tinyJson, is_decoder: true, add_cross_attention: true },
      tensors,
      'add_cross_attention',
    ],
    [
      'heads that do not divide',
      { ...tinyJson, num_attention_heads: 5 },
      tensors,
      'expected a multiple of num_attention_heads',
    ],
    ['a billion layers', { ...tinyJson, num_hidden_layers: 1e9 }, tensors, 'num_hidden_layers'],
    ['a missing size', { ...tinyJson, vocab_size: undefined }, tensors, 'vocab_size'],
    [
      'labels that are no names',
      { ...tinyJson, id2label: { 0: 1 } },
      tensors,
      'config.json: expected num_labels, id2label',
    ],
    [
      'weights of another size',
      { ...tinyJson, vocab_size: 31 },
      tensors,
      'bert.embeddings.word_embeddings.weight: expected [31,12], got [30,12]',
    ],
    [
      'another number of labels',
      { ...tinyJson, num_labels: 3 },
      tensors,
      'classifier.weight: expected [3,12], got [2,12]',
    ],
    [
      'numbers with scales beside them',
      { ...tinyJson, quantization_config: { quant_method: 'fp8', weight_block_size: [128, 128] } },
      tensors,
      'config.json: quantization_config: expected none, got fp8; rounded weights cannot be trained',
    ],
    [
      'a scale beside a weight',
      tinyJson,
      new Map<string, Tensor>(tensors).set('bert.pooler.dense.weight_scale_inv', float32([1])),
      'bert.pooler.dense.weight_scale_inv: expected weights without scales',
    ],
    [
      'a missing layer',
      tinyJson,
      without(/layer\.1/),
      'bert.encoder.layer.1.attention.self.query.weight: expected among the weights, got none',
    ],
    [
      'integer weights',
      tinyJson,
      new Map<string, Tensor>(tensors).set('classifier.bias', { dtype: 'int8', dims: [2], data: new Int8Array(2) }),
      'got int8',
    ],
  ])('%s', async (_, config, content, message) => {
    const loading = loadModel(await folderOf(config, content));
    await expect(loading).rejects.toThrow(message);
    await expect(loading).rejects.toMatchObject({ name: 'ModelsError', kind: 'input' });
  });

  test('missing files, a pickle alone, a corrupt file', async () => {
    const folder = await temporaryFolder();
    await expect(loadModel(folder)).rejects.toThrow('config.json: expected in the model’s folder'.replace('’', "'"));
    await writeFile(path.join(folder, 'config.json'), JSON.stringify(tinyJson));
    await expect(loadModel(folder)).rejects.toThrow('model.safetensors: expected beside config.json, got none');
    await writeFile(path.join(folder, 'pytorch_model.bin'), '');
    await expect(loadModel(folder)).rejects.toThrow('got pytorch_model.bin, a pickle, which can run code');
    await writeFile(path.join(folder, 'model.safetensors'), encodeSafetensors(tensors).slice(0, -1));
    await expect(loadModel(folder)).rejects.toThrow('model.safetensors: ');
    await mkdir(path.join(folder, 'sub'));
    await writeFile(path.join(folder, 'sub', 'config.json'), ' '.repeat(10_000_001));
    await expect(loadModel(path.join(folder, 'sub'))).rejects.toThrow('at most 10000000 bytes');
  });
});
