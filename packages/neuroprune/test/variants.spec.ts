import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {
  AutoModelForCausalLM,
  AutoModelForMaskedLM,
  AutoModelForSeq2SeqLM,
  AutoModelForSequenceClassification,
  AutoTokenizer,
  env,
  Tensor,
} from '@huggingface/transformers';
import { loadModel, readSafetensors } from '@neuroprune/models';
import * as ort from 'onnxruntime-node';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { convert } from '../src/api.js';
import type { Dtype } from '../src/schema/dtype.js';
import { exportFolder, inferenceGraphs } from '../src/stages/export-folder.js';
import { fixtures, root } from './command.js';

const shared = path.resolve(root, '../shared');
const models = path.join(shared, 'hub/models');
const micro = path.join(fixtures, 'models/neuroprune/bert-micro-uncased');
const all: Dtype[] = ['fp32', 'fp16', 'q8', 'q4', 'q4f16'];

/** A gap between the best two logits beyond what float16 moves them. */
const CLEAR = 0.02;

let cwd = '';
beforeAll(async () => {
  cwd = await mkdtemp(path.join(os.tmpdir(), 'variants-'));
  env.allowRemoteModels = false;
  env.localModelPath = cwd;
});
afterAll(() => rm(cwd, { recursive: true }));

const json = (file: string) => JSON.parse(readFileSync(file, 'utf8'));
const sizeOf = async (file: string) => (await stat(path.join(cwd, file))).size;
const ids = (rows: readonly (readonly number[])[]) =>
  new Tensor('int64', BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]!.length]);

describe('a model of masked words', () => {
  const sentences = ['a charming and often [MASK] journey .', 'no', 'it is flawed , and nobody [MASK] at all'];
  const run = async (folder: string, dtype?: Dtype): Promise<number[]> => {
    const tokenizer = await AutoTokenizer.from_pretrained(folder);
    const model = await AutoModelForMaskedLM.from_pretrained(folder, dtype ? { dtype } : {});
    return Array.from((await model(tokenizer(sentences, { padding: true }))).logits.data as Float32Array);
  };
  const largest = (values: readonly number[]) => values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const error = (a: readonly number[], b: readonly number[]) => largest(a.map((x, i) => x - b[i]!)) / largest(b);

  test('loads by its precision in transformers.js, smaller the fewer bits, logits near those of float32', async () => {
    const { files } = await convert({ model: micro, out: 'micro', dtype: all }, { cwd });
    const names = ['model', 'model_fp16', 'model_quantized', 'model_q4', 'model_q4f16'];
    expect(files).toEqual(names.map((name) => path.join('micro', `onnx/${name}.onnx`)));
    const bytes = await Promise.all(files!.map(sizeOf));
    const ratios = bytes.map((n) => n / bytes[0]!);
    // The table of words is stored in eight bits in all three, and once more in four where it makes the logits.
    for (const [i, most] of [1, 0.51, 0.28, 0.33, 0.3].entries()) expect(ratios[i]).toBeLessThanOrEqual(most);
    const expected = await run('micro', 'fp32');
    const bands = { fp16: 2e-3, q8: 0.06, q4: 0.2, q4f16: 0.2 } as const;
    for (const [dtype, band] of Object.entries(bands)) {
      const got = await run('micro', dtype as Dtype);
      expect(error(got, expected)).toBeLessThan(band);
      expect(got).not.toEqual(expected);
    }
    expect(json(path.join(cwd, 'micro/config.json'))).not.toHaveProperty(['transformers.js_config']);
  });

  test('without a file in float32 the configuration names the precision there is', async () => {
    await convert({ model: micro, out: 'bytes', dtype: 'q8' }, { cwd });
    expect(await readdir(path.join(cwd, 'bytes/onnx'))).toEqual(['model_quantized.onnx']);
    expect(json(path.join(cwd, 'bytes/config.json'))['transformers.js_config']).toEqual({ dtype: 'q8' });
    expect(await run('bytes')).toEqual(await run('micro', 'q8'));
  });

  test('weights beyond a limit lie beside each file, where transformers.js is told to look', async () => {
    const loaded = await loadModel(micro);
    const request = { graphs: inferenceGraphs(loaded), dtypes: all, loaded, source: { folder: micro } };
    const written = await exportFolder(path.join(cwd, 'outside'), { ...request, largestInside: 3_000_000 });
    expect(written.map(({ dtype, external }) => [dtype, external])).toEqual([
      ['fp32', true],
      ['fp16', true],
      ['q8', false],
      ['q4', false],
      ['q4f16', false],
    ]);
    expect(json(path.join(cwd, 'outside/config.json'))['transformers.js_config']).toEqual({
      use_external_data_format: { 'model.onnx': 1, 'model_fp16.onnx': 1 },
    });
    for (const { file, bytes, external } of written) {
      expect(existsSync(path.join(cwd, 'outside', `${file}_data`))).toBe(external);
      expect(Math.abs(bytes - (await sizeOf(path.join('micro', file))))).toBeLessThan(200_000);
      await (await ort.InferenceSession.create(path.join(cwd, 'outside', file))).release();
    }
    for (const dtype of ['fp32', 'fp16', 'q4'] as const)
      expect(await run('outside', dtype)).toEqual(await run('micro', dtype));
    // Written again with room inside, nothing is left of the file beside it.
    await exportFolder(path.join(cwd, 'outside'), request);
    expect((await readdir(path.join(cwd, 'outside/onnx'))).filter((name) => name.endsWith('_data'))).toEqual([]);
    expect(json(path.join(cwd, 'outside/config.json'))).not.toHaveProperty(['transformers.js_config']);
  });

  test.each([
    [{ dtype: 'q8', trainable: true, out: 'x' }, /dtype.*acts only without --trainable/],
    [{ dtype: 'q8', verify: 'golden.safetensors' }, /dtype.*acts only with --out/],
    [{ dtype: 'q5', out: 'x' }, /dtype/],
  ])('%j is refused', async (options, message) => {
    await expect(convert({ model: micro, ...options } as Parameters<typeof convert>[0], { cwd })).rejects.toThrow(
      message,
    );
  });
});

const random = path.join(models, 'tiny-random');
const own = path.join(root, 'packages/models/fixtures');

/** Whether each of the further files of a converted folder has logits near PyTorch's. */
async function nearGolden(name: string, folder: string, from: typeof AutoModelForSequenceClassification) {
  await convert({ model: folder, out: `golden-${name}`, dtype: all.slice(1) }, { cwd });
  const golden = await readSafetensors(path.join(folder, 'golden.safetensors'));
  const names = ['input_ids', 'attention_mask', 'token_type_ids'].filter((input) => golden.has(input));
  const inputs = names.map((input) => {
    const { data, dims } = golden.get(input)!;
    return [input, new Tensor('int64', data as BigInt64Array, [...dims])];
  });
  const expected = Array.from(golden.get('f64.logits')!.data as Float64Array);
  for (const dtype of all.slice(1)) {
    const model = await from.from_pretrained(`golden-${name}`, { dtype });
    const got = Array.from((await model(Object.fromEntries(inputs))).logits.data as Float32Array);
    const difference = Math.max(...got.map((x, i) => Math.abs(x - expected[i]!)));
    expect(difference / Math.max(...expected.map(Math.abs))).toBeLessThan(bands[dtype as keyof typeof bands]);
  }
}

describe.each([
  ...['bert', 'roberta', 'distilbert', 'electra'].map((name) => [name, path.join(random, name)] as const),
  ...['albert', 'deberta-v2'].map((name) => [name, path.join(own, name)] as const),
  ['bart', path.join(own, 'classifiers/bart')] as const,
])('%s in each precision (skipped without its folder)', (name, folder) => {
  test.skipIf(!existsSync(folder))('classifies, in float16 with PyTorch’s logits', () =>
    nearGolden(name, folder, AutoModelForSequenceClassification),
  );
});

test('xlm-roberta in each precision finds masked words, in float16 with PyTorch’s logits', () =>
  nearGolden('xlm-roberta', path.join(own, 'masked-lm/xlm-roberta'), AutoModelForMaskedLM));

/** Largest differences of logits from PyTorch's, of their largest; random weights of 4 bits leave little. */
const bands = { fp16: 5e-3, q8: 0.1, q4: 0.6, q4f16: 0.6 } as const;

test.each(['bert-eager', 'bert-fused', 'distilbert-sdpa'])(
  'a file without source in float16, masks of others and fused operators among it: %s',
  async (name) => {
    const model = path.join(own, 'imported', `${name}.onnx`);
    await convert({ model, out: `imported-${name}`, dtype: ['fp32', 'fp16'] }, { cwd });
    const logits: number[][] = [];
    for (const file of ['model', 'model_fp16']) {
      const session = await ort.InferenceSession.create(path.join(cwd, `imported-${name}/onnx/${file}.onnx`));
      const row = { input_ids: [3, 9, 4, 0, 5, 6, 7, 8], attention_mask: [1, 1, 1, 0, 1, 1, 1, 1] };
      const cells = (input: string) => row[input as keyof typeof row] ?? row.input_ids.map(() => 0);
      const feeds = session.inputNames.map((input) => [
        input,
        new ort.Tensor('int64', BigInt64Array.from(cells(input), BigInt), [2, 4]),
      ]);
      logits.push(Array.from((await session.run(Object.fromEntries(feeds))).logits!.data as Float32Array));
      await session.release();
    }
    const [exact, half] = logits as [number[], number[]];
    const difference = Math.max(...exact.map((x, i) => Math.abs(x - half[i]!)));
    expect(difference / Math.max(...exact.map(Math.abs))).toBeLessThan(5e-3);
    expect(difference).toBeGreaterThan(0);
  },
);

test('how a model writes is kept as it was, or taken from its configuration where nothing says it', async () => {
  const source = path.join(own, 'writers/qwen3');
  const bare = path.join(cwd, 'bare-source');
  await cp(source, bare, { recursive: true, filter: (file) => !file.endsWith('generation_config.json') });
  await convert({ model: source, out: 'kept' }, { cwd });
  await convert({ model: bare, out: 'taken' }, { cwd });
  const of = (folder: string) => json(path.join(folder, 'generation_config.json'));
  expect(of(path.join(cwd, 'kept'))).toEqual(of(source));
  expect(of(path.join(cwd, 'taken'))).toEqual({ bos_token_id: 1, eos_token_id: 2, pad_token_id: 0 });
  const [config, written] = [source, path.join(cwd, 'taken')].map((folder) => json(path.join(folder, 'config.json')));
  for (const key of ['model_type', 'architectures', 'hidden_size', 'num_key_value_heads', 'eos_token_id'])
    expect([key, written[key]]).toEqual([key, config[key]]);
});

const written = async (model: { generate(o: object): Promise<unknown> }, row: readonly number[], count: number) => {
  const options = { inputs: ids([row]), attention_mask: ids([row.map(() => 1)]), max_new_tokens: count };
  const rows = (await model.generate({ ...options, do_sample: false })) as Tensor;
  return rows.tolist()[0].map(Number) as number[];
};

async function writesInEach(name: string, folder: string): Promise<void> {
  const { files } = await convert({ model: folder, out: name, dtype: all }, { cwd });
  const from = files!.length === 10 ? AutoModelForSeq2SeqLM : AutoModelForCausalLM;
  const { cases, max_new_tokens } = json(path.join(folder, 'golden.json')).generate;
  const vocabulary = json(path.join(folder, 'config.json')).vocab_size;
  for (const dtype of all.slice(1)) {
    const model = await from.from_pretrained(name, { dtype });
    for (const { input_ids, greedy, greedy_smallest_margin: margin } of cases) {
      const row = await written(model as never, input_ids, max_new_tokens);
      if (dtype === 'fp16' && margin > CLEAR) expect(row).toEqual(greedy);
      expect(row.length).toBeGreaterThan(1);
      expect(row.every((id) => id >= 0 && id < vocabulary)).toBe(true);
    }
  }
}

test.each(['qwen3', 'gemma', 'llama-3'])(
  '%s writes in each precision, in float16 as PyTorch does where the choice is clear',
  (name) => writesInEach(name, path.join(own, 'writers', name)),
);

describe.skipIf(!existsSync(shared))('models that write text (skipped without ../shared)', () => {
  test('stories260K in each precision: PyTorch’s stories in float16, their beginnings in eight bits', async () => {
    const { files } = await convert(
      { model: path.join(models, 'karpathy/stories260K'), out: 'stories', dtype: all },
      { cwd },
    );
    expect(files).toHaveLength(5);
    const tokenizer = await AutoTokenizer.from_pretrained('stories');
    const cases = json(path.join(shared, 'golden/models/stories260K/golden.json')).greedy;
    const agreed: Partial<Record<Dtype, number>> = {};
    for (const dtype of all) {
      const model = await AutoModelForCausalLM.from_pretrained('stories', { dtype });
      let [same, total] = [0, 0];
      for (const { prompt, ids: expected } of cases as { prompt: string; ids: number[] }[]) {
        const row = await written(model as never, Array.from(tokenizer(prompt).input_ids.data, Number), 60);
        const first = expected.findIndex((id, i) => row[i] !== id);
        same += first < 0 ? expected.length : first;
        total += expected.length;
      }
      agreed[dtype] = same / total;
    }
    expect(agreed).toMatchObject({ fp32: 1, fp16: 1 });
    // One other word and the stories part for good.
    expect(agreed.q8).toBeGreaterThan(0.3);
    expect(agreed.q4).toBeGreaterThan(0.1);
    expect(agreed.q4f16).toBeGreaterThan(0.1);
  });

  test('t5-tiny-multi30k-de-en: encoder and merged decoder in each precision', async () => {
    const folder = path.join(models, 'neuroprune-fixtures/t5-tiny-multi30k-de-en');
    const { files } = await convert({ model: folder, out: 't5', dtype: all }, { cwd });
    expect(files).toHaveLength(10);
    expect(files).toContain(path.join('t5', 'onnx/decoder_model_merged_q4f16.onnx'));
    const tokenizer = await AutoTokenizer.from_pretrained('t5');
    const { max_new_tokens } = json(path.join(folder, 'golden.json'));
    const texts = ['Ein Mann fährt Fahrrad .', 'Zwei Hunde spielen im Schnee .', 'Eine Frau liest ein Buch .'];
    const out: Partial<Record<Dtype, string[]>> = {};
    for (const dtype of all) {
      const model = await AutoModelForSeq2SeqLM.from_pretrained('t5', { dtype });
      out[dtype] = [];
      for (const text of texts) {
        const row = await written(model as never, Array.from(tokenizer(text).input_ids.data, Number), max_new_tokens);
        out[dtype].push(tokenizer.decode(row, { skip_special_tokens: true }));
      }
    }
    expect(out.fp32).toEqual([
      'A man is riding a bicycle.',
      'Two dogs play in the snow.',
      'A woman is reading a book.',
    ]);
    expect([out.fp16, out.q8]).toEqual([out.fp32, out.fp32]);
    for (const rows of [out.q4, out.q4f16])
      expect(rows?.filter((row, i) => row === out.fp32?.[i]).length).toBeGreaterThan(1);
  });

  test.each(['bart', 'gpt2', 'llama', 'marian', 'opt', 'opt-350m-style', 'qwen2', 't5', 't5-v1_1'])(
    'tiny-random/%s writes in each precision, in float16 as PyTorch does where the choice is clear',
    (name) => writesInEach(name, path.join(models, 'tiny-random', name)),
  );
});
