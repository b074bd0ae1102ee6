import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { AutoModelForSequenceClassification, env, Tensor } from '@huggingface/transformers';
import { type LocalHub, startLocalHub } from '@neuroprune/local-hub';
import { RunResult } from '@neuroprune/report';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { prune } from '../src/api.js';
import { fixtures, neuroprune, root, TOKEN, temporary } from './command.js';

const options = {
  model: 'neuroprune/bert-micro-uncased',
  task: 'sst2',
  maxSteps: 6,
  batchSize: 16,
  threads: 2,
} as const;
let folder = '';
let hub: LocalHub;
let remove = async (): Promise<void> => {};
let result: RunResult;

const settings = () => ({ HF_ENDPOINT: hub.url, HF_TOKEN: TOKEN, HF_HOME: path.join(folder, 'home') });

beforeAll(async () => {
  ({ folder, remove } = await temporary());
  hub = await startLocalHub({ root: path.join(folder, 'hub'), token: TOKEN, seed: fixtures });
  const asked = { ...options, sparsity: 0.5, heads: 12, dtype: ['q8', 'fp16', 'q4', 'q8'], out: 'runs/v' } as const;
  await prune(asked as unknown as Parameters<typeof prune>[0], { cwd: folder, env: settings() });
  result = RunResult.parse(JSON.parse(await readFile(path.join(folder, 'runs/v/run.json'), 'utf8')));
}, 120_000);

afterAll(async () => {
  await hub.close();
  await remove();
});

test('each precision lies in the published folder, with its size and score in the result', async () => {
  const { variants = [], bytes, evaluation } = result;
  expect(variants.map(({ dtype, files }) => [dtype, files])).toEqual([
    ['q8', ['onnx/model_quantized.onnx']],
    ['fp16', ['onnx/model_fp16.onnx']],
    ['q4', ['onnx/model_q4.onnx']],
  ]);
  const [scored] = evaluation;
  for (const variant of variants) {
    const file = await readFile(path.join(folder, 'runs/v/model', variant.files[0]!));
    expect(variant.bytes).toBe(file.length);
    expect(variant.bytes).toBeLessThan(0.55 * bytes.compact);
    expect(variant).toMatchObject({ task: 'sst2', split: 'validation', examples: 872 });
    expect(Math.abs(variant.metrics.accuracy! - scored!.metrics.accuracy!)).toBeLessThan(0.1);
  }
  const recipe = JSON.parse(await readFile(path.join(folder, 'runs/v/recipe.json'), 'utf8'));
  expect(recipe.recipe.dtype).toEqual(['q8', 'fp16', 'q4']);
  const record = JSON.parse(await readFile(path.join(folder, 'runs/v/model/neuroprune.json'), 'utf8'));
  expect(record.measurements.variants).toEqual(variants);
});

test.each(['runs/v/report/index.md', 'runs/v/model/README.md'])('%s has a row each', async (file) => {
  const text = await readFile(path.join(folder, file), 'utf8');
  const rows = text.split('\n').filter((line) => /^\| `(fp32|fp16|q8|q4)` \|/.test(line));
  expect(rows.map((row) => /`(\w+)`/.exec(row)?.[1])).toEqual(['fp32', 'q8', 'fp16', 'q4']);
});

test('transformers.js loads each of them, and they are not the same', async () => {
  env.allowRemoteModels = false;
  env.localModelPath = path.join(folder, 'runs/v');
  const ids = (values: number[]) => new Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length]);
  const row = [2, 77, 1050, 391, 3];
  const inputs = { input_ids: ids(row), attention_mask: ids(row.map(() => 1)), token_type_ids: ids(row.map(() => 0)) };
  const logits: number[][] = [];
  for (const dtype of ['fp32', 'fp16', 'q8', 'q4'] as const) {
    const model = await AutoModelForSequenceClassification.from_pretrained('model', { dtype });
    logits.push(Array.from((await model(inputs)).logits.data as Float32Array));
  }
  const [exact, ...others] = logits as [number[], ...number[][]];
  for (const [i, band] of [1e-2, 0.1, 0.3].entries()) {
    const difference = Math.max(...exact.map((x, j) => Math.abs(x - others[i]![j]!)));
    expect(difference).toBeGreaterThan(0);
    expect(difference).toBeLessThan(band);
  }
});

test('--dry-run names the files; float32 is none that is added', async () => {
  const line = `prune ${options.model} --task sst2 --sparsity 0.5 --max-steps 2 --dry-run --json --dtype`;
  const call = (dtype: string) => neuroprune([...line.split(' '), dtype], { cwd: folder, env: settings() });
  const { code, stdout } = await call('fp16,q4f16');
  expect(code).toBe(0);
  const files = JSON.parse(stdout).files.map((file: { path: string }) => file.path);
  expect(files.filter((file: string) => file.startsWith('onnx/'))).toEqual([
    'onnx/model.onnx',
    'onnx/model_fp16.onnx',
    'onnx/model_q4f16.onnx',
  ]);
  const refused = await call('fp32');
  expect([refused.code, refused.stderr]).toEqual([2, expect.stringMatching(/--dtype/)]);
});

const llama = path.resolve(root, '../shared/hub/models/tiny-random/llama');
const isFull = process.env.NEUROPRUNE_CHECK === 'full';

test.skipIf(!isFull || !existsSync(llama))(
  'a decoder that classifies is pruned, published and read back (skipped without ../shared and the full check)',
  async () => {
    const line = 'prune-and-publish --task sst2 --max-steps 2 --sparsity 0.3 --out runs/llama --to local/llama --json';
    const { code, stdout, stderr } = await neuroprune([...line.split(' '), llama], { cwd: folder, env: settings() });
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({
      proof: { examples: 872 },
      readBack: { repo: 'local/llama', examples: 64 },
    });
    const config = JSON.parse(await readFile(path.join(folder, 'runs/llama/model/config.json'), 'utf8'));
    expect(config).toMatchObject({ architectures: ['LlamaForSequenceClassification'], pad_token_id: 2 });
    const card = await readFile(path.join(folder, 'runs/llama/model/README.md'), 'utf8');
    expect(card).toContain('await PreTrainedModel.from_pretrained("local/llama"');
  },
  120_000,
);
