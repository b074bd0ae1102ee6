import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer, env, Tensor } from '@huggingface/transformers';
import { readParquet } from '@neuroprune/hub';
import { buildModel, generationModels, loadModel, type Structure } from '@neuroprune/models';
import type { Tensor as Matrix } from '@neuroprune/onnx';
import { inferenceGraph } from '@neuroprune/prune';
import { createInference } from '@neuroprune/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cut, headPlaces, range, unitPlaces } from '../../models/test/units.js';
import { convert } from '../src/api.js';
import { writeOnnx } from '../src/stages/onnx-file.js';
import { root } from './command.js';

const shared = path.resolve(root, '../shared');
const models = path.join(shared, 'hub/models');
const tiny = ['bart', 'gpt2', 'llama', 'marian', 'opt', 'opt-350m-style', 'qwen2', 't5', 't5-v1_1'];

/** A gap between the best two logits below which the order is rounding's. */
const NEAR_TIE = 1e-3;

interface Case {
  readonly input_ids: readonly number[];
  readonly greedy: readonly number[];
  readonly greedy_smallest_margin: number;
}

let cwd = '';
beforeAll(async () => {
  cwd = await mkdtemp(path.join(os.tmpdir(), 'generate-'));
  env.allowRemoteModels = false;
  env.localModelPath = cwd;
});
afterAll(() => rm(cwd, { recursive: true }));

const json = (file: string) => JSON.parse(readFileSync(file, 'utf8'));
const ids = (rows: readonly (readonly number[])[]) =>
  new Tensor('int64', BigInt64Array.from(rows.flat(), BigInt), [rows.length, rows[0]!.length]);

/** A folder that our command wrote, opened by transformers.js as it is. */
async function opened(folder: string, seq2seq = existsSync(path.join(cwd, folder, 'onnx/encoder_model.onnx'))) {
  const from = seq2seq ? AutoModelForSeq2SeqLM : AutoModelForCausalLM;
  return from.from_pretrained(folder, { dtype: 'fp32', local_files_only: true });
}

async function greedy(
  model: Awaited<ReturnType<typeof opened>>,
  rows: readonly (readonly number[])[],
  max_new_tokens: number,
  mask = rows.map((row) => row.map(() => 1)),
): Promise<number[][]> {
  const options = { inputs: ids(rows), attention_mask: ids(mask), max_new_tokens, do_sample: false };
  const written = (await model.generate(options as Parameters<typeof model.generate>[0])) as Tensor;
  return written.tolist().map((row: bigint[]) => row.map(Number));
}

/** Small models of further families in the repository: tools/golden/make_writers.py. */
const fixtures = path.join(root, 'packages/models/fixtures/writers');

const own = ['qwen3', 'gemma', 'llama-3', 'llama-linear'];

test.each(own)('%s of the repository writes as PyTorch does', async (name) => {
  await convert({ model: path.join(fixtures, name), out: name }, { cwd, env: {} });
  const { cases, max_new_tokens } = json(path.join(fixtures, name, 'golden.json')).generate;
  const [{ input_ids, greedy: expected, greedy_smallest_margin: margin }] = cases as [Case];
  expect(margin).toBeGreaterThan(NEAR_TIE);
  expect(await greedy(await opened(name), [input_ids], max_new_tokens)).toEqual([expected]);
});

test.each(own)('a compacted %s, head counts differing by layer, writes what its whole graph says', async (name) => {
  await writesCompacted(name, path.join(fixtures, name));
});

describe.skipIf(!existsSync(shared))(
  'greedy text of transformers.js equals PyTorch’s (skipped without ../shared)',
  () => {
    test.each(tiny)('tiny-random/%s, token by token', async (name) => {
      const { files } = await convert({ model: path.join(models, 'tiny-random', name), out: name }, { cwd, env: {} });
      expect(files).toHaveLength(['bart', 'marian', 't5', 't5-v1_1'].includes(name) ? 2 : 1);
      const model = await opened(name);
      const { cases, max_new_tokens } = json(path.join(models, 'tiny-random', name, 'golden.json')).generate;
      const clear = (cases as Case[]).filter((c) => c.greedy_smallest_margin > NEAR_TIE);
      expect(clear.length).toBeGreaterThan(0);
      for (const { input_ids, greedy: expected } of clear)
        expect(await greedy(model, [input_ids], max_new_tokens)).toEqual([expected]);
    });

    test('stories260K, token by token, rows padded on the left among them', async () => {
      await convert({ model: path.join(models, 'karpathy/stories260K'), out: 'stories' }, { cwd, env: {} });
      const model = await opened('stories');
      const tokenizer = await AutoTokenizer.from_pretrained('stories');
      const cases = json(path.join(shared, 'golden/models/stories260K/golden.json')).greedy;
      const prompts: number[][] = [];
      for (const { prompt, ids: expected, text } of cases as { prompt: string; ids: number[]; text: string }[]) {
        const input = Array.from(tokenizer(prompt).input_ids.data, Number);
        prompts.push(input);
        const [row] = await greedy(model, [input], 60);
        expect(row).toEqual(expected);
        expect(tokenizer.decode(row!, { skip_special_tokens: true })).toBe(text);
      }
      const length = Math.max(...prompts.map((row) => row.length));
      const padding = (row: number[], value: number) => new Array<number>(length - row.length).fill(value);
      const written = await greedy(
        model,
        prompts.map((row) => [...padding(row, 2), ...row]),
        30,
        prompts.map((row) => [...padding(row, 0), ...row.map(() => 1)]),
      );
      const fresh = written.map((row) => row.slice(length));
      expect(fresh).toEqual(
        cases.map((c: { ids: number[] }, i: number) => c.ids.slice(prompts[i]!.length).slice(0, 30)),
      );
    });

    test('t5-tiny-multi30k-de-en translates a test set word for word', async () => {
      const folder = path.join(models, 'neuroprune-fixtures/t5-tiny-multi30k-de-en');
      await convert({ model: folder, out: 't5-trained' }, { cwd, env: {} });
      const model = await opened('t5-trained');
      const tokenizer = await AutoTokenizer.from_pretrained('t5-trained');
      const rows = await readParquet(
        path.join(shared, 'hub/datasets/multi30k/task1-de-en/data/test-00000-of-00001.parquet'),
      );
      const { greedy: expected, max_new_tokens } = json(path.join(folder, 'golden.json'));
      const count = process.env.NEUROPRUNE_CHECK === 'full' ? 200 : 12;
      const texts = rows.slice(0, count).map((row) => (row.translation as { de: string }).de);
      for (const [i, text] of texts.entries()) {
        const [row] = await greedy(model, [Array.from(tokenizer(text).input_ids.data, Number)], max_new_tokens);
        expect(tokenizer.decode(row!, { skip_special_tokens: true })).toBe(expected[i]);
      }
    });

    test.each(tiny)(
      'a compacted %s, head counts differing by layer, writes what its whole graph says',
      async (name) => {
        await writesCompacted(name, path.join(models, 'tiny-random', name));
      },
    );
  },
);

type Loaded = Awaited<ReturnType<typeof loadModel>>;

/** A model of a folder that was converted under its name, cut, and asked for the text of its first golden case. */
async function writesCompacted(name: string, source: string): Promise<void> {
  const loaded = await loadModel(source);
  const small = { config: loaded.config, ...compacted(loaded) };
  const folder = path.join(cwd, `${name}-small`);
  for (const file of ['config.json', 'generation_config.json'])
    await cp(path.join(cwd, name, file), path.join(folder, file));
  for (const [file, model] of generationModels(small)!)
    await writeOnnx(inferenceGraph(model), path.join(folder, `onnx/${file}.onnx`));
  const { input_ids } = json(path.join(source, 'golden.json')).generate.cases[0] as Case;
  const expected = await withoutCache(small, loaded.task, input_ids, 12);
  expect(await greedy(await opened(`${name}-small`), [input_ids], 12)).toEqual([expected]);
}

/** The last layer without its first heads, every other one without half of its hidden units. */
function compacted({ prunable, tensors, architecture, config }: Loaded) {
  const places = prunable.flatMap(({ heads, crossHeads, neurons }, layer) => {
    if (layer < prunable.length - 1)
      return range(0, neurons.count / 2).flatMap((unit) => Object.values(unitPlaces(tensors, neurons, unit)).flat());
    return [heads, ...(crossHeads ? [crossHeads] : [])].flatMap((group) =>
      Object.values(headPlaces(tensors, group, 0)).flat(),
    );
  });
  // A head that no layer of a stack has any more is gone from the table of positions that they share.
  const table = prunable.at(-1)!.heads.biasTable;
  if (table !== undefined && prunable.filter(({ heads }) => heads.biasTable === table).length === 1)
    places.push({ name: table, axis: 1, at: [0] });
  const structure: Structure = architecture.structure(config).map((layer, i) => ({
    ...layer,
    ...(i < prunable.length - 1
      ? { hiddenUnits: layer.hiddenUnits / 2 }
      : { heads: layer.heads - 1, keptHeads: range(1, layer.heads - 1) }),
    ...(i === prunable.length - 1 && layer.crossHeads !== undefined && { crossHeads: layer.crossHeads - 1 }),
  }));
  return { tensors: cut(tensors, places), structure };
}

/** The same text from the training graph, which sees all of it at each step. */
async function withoutCache(
  small: { config: Loaded['config']; tensors: Loaded['tensors']; structure: Structure },
  task: Loaded['task'],
  prompt: readonly number[],
  count: number,
): Promise<number[]> {
  const { model } = buildModel({ ...small, labels: 0, task });
  await using session = await createInference(inferenceGraph(model));
  const matrix = (row: readonly number[]): Matrix => ({
    dtype: 'int64',
    dims: [1, row.length],
    data: BigInt64Array.from(row, BigInt),
  });
  const causal = task === 'causal-lm';
  const { decoder_start_token_id: start, eos_token_id: end, forced_eos_token_id: forced = null } = small.config;
  const written = causal ? [...prompt] : [Number(start)];
  for (let i = 0; i < count && (i === 0 || written.at(-1) !== end); i++) {
    const source = causal ? written : prompt;
    const inputs = new Map<string, Matrix>([
      ['input_ids', matrix(source)],
      ['attention_mask', matrix(source.map(() => 1))],
      ...(causal ? [] : [['decoder_input_ids', matrix(written)] as const]),
    ]);
    const logits = (await session.run(inputs, ['logits'])).get('logits')!;
    const last = Array.from(logits.data as Float32Array).slice(-logits.dims.at(-1)!);
    const best = last.indexOf(Math.max(...last));
    written.push(forced !== null && i === count - 1 ? Number(forced) : best);
  }
  return written;
}
