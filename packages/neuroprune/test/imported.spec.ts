import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type LocalHub, startLocalHub } from '@neuroprune/local-hub';
import { loadModel, readSafetensorsHeader } from '@neuroprune/models';
import { float32, GraphBuilder, modelOf, saveModel } from '@neuroprune/onnx';
import { inferenceGraph } from '@neuroprune/prune';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fixtures, neuroprune, root, TOKEN, temporary } from './command.js';

const files = path.join(root, 'packages/models/fixtures/imported');
let folder = '';
let hub: LocalHub;
let remove = async (): Promise<void> => {};

const call = (...args: string[]) =>
  neuroprune(args, {
    cwd: folder,
    env: { HF_ENDPOINT: hub.url, HF_TOKEN: TOKEN, HF_HOME: path.join(folder, 'home') },
  });

/** Words that the small graphs have rows for; all others are unknown. */
const words = [
  '[PAD]',
  '[UNK]',
  '[CLS]',
  '[SEP]',
  '[MASK]',
  'the',
  'a',
  'and',
  'of',
  'is',
  'it',
  'film',
  'movie',
  'good',
  'bad',
];

/** A tokenizer of a few words, in the layout of the library's files. */
const tokenizer = {
  version: '1.0',
  added_tokens: words.slice(0, 5).map((content, id) => ({
    ...{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
  })),
  normalizer: {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: 'BertPreTokenizer' },
  post_processor: {
    type: 'TemplateProcessing',
    single: ['[CLS]', 'A', '[SEP]'].map((id) =>
      id === 'A' ? { Sequence: { id, type_id: 0 } } : { SpecialToken: { id, type_id: 0 } },
    ),
    pair: [],
    special_tokens: Object.fromEntries(
      ['[CLS]', '[SEP]'].map((id) => [id, { id, ids: [words.indexOf(id)], tokens: [id] }]),
    ),
  },
  decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  model: {
    ...{ type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100 },
    vocab: Object.fromEntries(words.map((word, id) => [word, id])),
  },
};

beforeAll(async () => {
  ({ folder, remove } = await temporary());
  hub = await startLocalHub({ root: path.join(folder, 'hub'), token: TOKEN, seed: fixtures });
  await mkdir(path.join(folder, 'words'));
  await writeFile(path.join(folder, 'words/tokenizer.json'), JSON.stringify(tokenizer));
  const config = { tokenizer_class: 'BertTokenizer', unk_token: '[UNK]', pad_token: '[PAD]', model_max_length: 16 };
  await writeFile(path.join(folder, 'words/tokenizer_config.json'), JSON.stringify(config));
  for (const file of ['bert-fused', 'bert-dynamo'])
    await copyFile(path.join(files, `${file}.onnx`), path.join(folder, `${file}.onnx`));
  await withoutSource('writers/llama-linear', 'goes-on');
  await withoutSource('masked-lm/bert', 'masked');
  const texts = Array.from({ length: 20 }, () =>
    JSON.stringify({ text: 'the film is good and it is a movie of a film' }),
  );
  await mkdir(path.join(folder, 'texts'));
  for (const split of ['train', 'validation'])
    await writeFile(path.join(folder, `texts/${split}.jsonl`), texts.join('\n'));
});

/** A model of the repository as one graph of whole texts, its configuration and a tokenizer beside it. */
async function withoutSource(name: string, to: string): Promise<void> {
  const source = path.join(root, 'packages/models/fixtures', name);
  await mkdir(path.join(folder, to));
  await copyFile(path.join(source, 'config.json'), path.join(folder, to, 'config.json'));
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    await copyFile(path.join(folder, 'words', file), path.join(folder, to, file));
  await saveModel(inferenceGraph((await loadModel(source)).model), path.join(folder, to, 'model.onnx'));
}

afterAll(async () => {
  await hub.close();
  await remove();
});

describe('convert --dry-run', () => {
  test('lists layers, their parameters and sizes, as JSON and as text, and writes nothing', async () => {
    const before = await readdir(folder);
    const { code, stdout } = await call('convert', 'bert-fused.onnx', '--dry-run', '--json');
    expect(code).toBe(0);
    const layer = (i: number, weights: readonly number[]) => ({
      layer: `model.bert.encoder.layer.${i}`,
      attention: {
        ...{ heads: 4, headSize: 4, output: `onnx::MatMul_${weights[0]}` },
        ...{
          query: `Attention_${i}_qkv_weight.0`,
          key: `Attention_${i}_qkv_weight.1`,
          value: `Attention_${i}_qkv_weight.2`,
        },
      },
      mlp: { kind: 'plain', hiddenUnits: 24, up: [`onnx::MatMul_${weights[1]}`], down: [`onnx::MatMul_${weights[2]}`] },
      weights: 4 * 16 * 16 + 2 * 16 * 24,
    });
    expect(JSON.parse(stdout)).toEqual({
      model: 'bert-fused.onnx',
      layers: {
        ...{ task: 'sequence-classification', labels: 2, inputs: ['input_ids', 'attention_mask', 'token_type_ids'] },
        ...{ blocks: [layer(0, [321, 322, 323]), layer(1, [337, 338, 339])], unknown: [], parameters: 5186 },
      },
    });
    const text = await call('convert', 'bert-dynamo.onnx', '--dry-run');
    expect(text.stdout).toMatch(/^model\.bert\.encoder\.layer\.1 +4 +4 +24 +plain +1,792$/m);
    expect(text.stdout).toContain('  down   model.bert.encoder.layer.1.output.dense.weight');
    expect(text.stdout).toContain('cannot be trained: its inputs have one size, input_ids [3, 7]');
    expect((await readdir(folder)).filter((name) => !before.includes(name))).toEqual([]);
  });

  test('ends with code 2 and one line where no layer is found', async () => {
    const b = new GraphBuilder();
    const ids = b.input('input_ids', 'int64', ['batch', 'sequence']);
    const rows = b.op.Gather(b.initializer('table', float32(new Float32Array(20), [10, 2])), ids);
    b.output(b.op.ReduceMean(rows, b.ints(1), { keepdims: 0 }), 'logits');
    await saveModel(modelOf(b.graph), path.join(folder, 'plain.onnx'));
    const { code, stdout, stderr } = await call('convert', 'plain.onnx', '--dry-run');
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr.trim().split('\n').at(-1)).toBe(
      'neuroprune: plain.onnx: expected attention followed by a feed-forward part, found no such layer; export the model unfused, with optimum or torch.onnx',
    );
  });
});

const sst2 = ['--task', 'sst2', '--tokenizer', 'words'];
const texts = ['--task', 'perplexity', '--dataset', './texts'];

test.each([
  ['bert-dynamo.onnx', sst2, 'expected inputs of any size, got input_ids [3, 7]; export the model with dynamic axes'],
  ['none.onnx', sst2, 'none.onnx: expected an ONNX file, found none'],
  ['./masked', sst2, './masked: expected logits for each text, got them for each token (masked-lm)'],
  ['./goes-on', sst2, './goes-on: expected logits for each text, got them for each token (causal-lm)'],
  ['./goes-on', texts, './goes-on: expected a model with its source to write texts, got an ONNX file'],
])('prune %s %j is refused before it trains', async (file, task, message) => {
  const { code, stderr } = await call('prune', file, ...task, '--max-steps', '2', '--sparsity', '0.5');
  expect({ code, said: stderr.includes(message), stderr }).toMatchObject({ code: 2, said: true });
  expect(stderr).not.toContain('train neuroprune');
});

test('convert says what a file without a cache is good for', async () => {
  const { code, stderr } = await call('convert', './goes-on', '--out', 'goes-on-anew');
  expect(code).toBe(0);
  expect(stderr).toContain('warning: without a cache of keys and values: it scores texts');
  const other = await call('convert', './masked', '--out', 'masked-anew');
  expect(other).toMatchObject({ code: 0, stderr: expect.not.stringContaining('without a cache') });
});

test('prune with the tokenizer of another folder: trained, cut out, proved, published under the initializers’ names', async () => {
  const args = ['--max-steps', '12', '--batch-size', '16', '--sparsity', '0.6', '--heads', '5', '--max-length', '16'];
  const task = ['--task', 'sst2', '--threads', '1', '--out', 'run', '--json'];
  const missing = await call('prune', 'bert-fused.onnx', ...task, ...args);
  expect(missing.code).not.toBe(0); // no tokenizer beside the file
  const { code, stdout, stderr } = await call('prune', 'bert-fused.onnx', '--tokenizer', 'words', ...task, ...args);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  const result = JSON.parse(stdout);
  expect(result.heads).toEqual({ total: 8, requested: 5, kept: 5 });
  expect(result.sparsity.reached).toBeCloseTo(0.6, 3);
  expect(result.proof.examples).toBe(872);
  expect(result.proof.maxAbsDifference).toBeLessThanOrEqual(1e-4);
  const model = path.join(folder, 'run/model');
  expect(await readdir(model)).toEqual(expect.arrayContaining(['dense.onnx', 'model.safetensors', 'tokenizer.json']));
  const { tensors, metadata } = await readSafetensorsHeader(path.join(model, 'model.safetensors'));
  expect(tensors.map(({ name }) => name)).toContain('Attention_0_qkv_weight.0');
  expect(metadata).toEqual({ format: 'onnx' });
  const card = await readFile(path.join(model, 'README.md'), 'utf8');
  expect(card).toContain('They are no checkpoint of transformers.');
  expect(card).not.toContain('AutoModelForSequenceClassification.from_pretrained("ORG/NAME")\nlogits');
  const again = await call('convert', 'run/model', '--dry-run', '--json');
  expect({ code: again.code, stderr: again.stderr }).toEqual({ code: 0, stderr: 'fetch: run/model\nlist\n' });
  expect(JSON.parse(again.stdout).layers).toMatchObject({
    parameters: 5186,
    blocks: [{ weights: 1792 }, { weights: 1792 }],
  });
}, 120_000);
