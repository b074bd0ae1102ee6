/** Models that write text, trained and pruned by the command, and what is published of them. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { AutoModelForCausalLM, AutoModelForSeq2SeqLM, env, Tensor } from '@huggingface/transformers';
import { holdOut, loadGenerator, loadTokenizer } from '@neuroprune/evaluate';
import { type LocalHub, startLocalHub } from '@neuroprune/local-hub';
import { readSafetensors } from '@neuroprune/models';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CallContext, evaluate, prune } from '../src/api.js';
import type { RunEvent } from '../src/events.js';
import { readRun } from '../src/stages/report.js';
import { comparedBy } from '../src/stages/seeds.js';
import type { TrainOutcome, TrainPlan } from '../src/verbs/train.js';
import { neuroprune, root, TOKEN, temporary } from './command.js';
import { runUntil } from './stops.js';

const texts = path.join(root, 'packages/neuroprune/fixtures/texts');
const common = { maxSteps: 24, batchSize: 8, lr: 2e-3, dropout: 0, threads: 1, device: 'cpu' } as const;

let cwd = '';
let remove = async (): Promise<void> => {};
let context: CallContext = {};

beforeAll(async () => {
  ({ folder: cwd, remove } = await temporary());
  context = { cwd, env: { HF_HOME: path.join(cwd, 'home') } };
  // The rows of the only split there is, to learn from, to be scored by, and to be held out.
  for (const [name, split] of [
    ['translation', 'translation'],
    ['stories', 'stories'],
  ] as const) {
    const rows = readFileSync(path.join(texts, split, 'validation.jsonl'), 'utf8')
      .trim()
      .split('\n');
    await mkdir(path.join(cwd, name), { recursive: true });
    await writeFile(path.join(cwd, name, 'train.jsonl'), `${[...rows, ...rows, ...rows].join('\n')}\n`);
    await writeFile(path.join(cwd, name, 'validation.jsonl'), `${rows.join('\n')}\n`);
  }
  env.allowRemoteModels = false;
  env.localModelPath = cwd;
});
afterAll(() => remove());

const translator = { model: path.join(texts, 'translator'), task: 'translation', dataset: 'translation' } as const;
const speaker = { model: path.join(texts, 'speaker'), task: 'perplexity', dataset: 'stories', maxLength: 16 } as const;

describe.each([
  ['translator', { ...translator, sparsity: 0.5, heads: 15 }, 24, ['decoder_model_merged.onnx', 'encoder_model.onnx']],
  ['speaker', { ...speaker, epochs: 12, sparsity: 0.5, heads: 3, baseline: 'dense' }, 4, ['model.onnx']],
] as const)('%s', (name, options, heads, graphs) => {
  const out = `runs/${name}`;
  const events: RunEvent[] = [];

  beforeAll(async () => {
    await prune(
      { ...common, ...options, dtype: ['fp16', 'q8'], out },
      { ...context, onEvent: (event) => events.push(event) },
    );
  }, 120_000);

  test('is pruned to what was asked, scored by its loss, and proved from its files', async () => {
    const { run } = await readRun(path.join(cwd, out));
    expect(run).toMatchObject({
      task: options.task,
      heads: { total: heads, requested: options.heads, kept: options.heads },
      evaluation: Array.from({ length: name === 'translator' ? 2 : 1 }, () => ({
        task: options.task,
        split: 'validation',
        examples: expect.any(Number),
      })),
      training: { steps: 24 },
    });
    expect(Math.abs(run.sparsity.reached - 0.5)).toBeLessThan(0.001);
    const crossing = run.structure.filter((layer) => layer.name?.endsWith(', reading the encoder'));
    expect(crossing).toHaveLength(name === 'translator' ? 2 : 0);
    expect(new Set(run.structure.map((layer) => layer.heads)).size).toBeGreaterThan(1);
    expect(run.parameters.compact).toBeLessThan(run.parameters.dense);
    expect(run.bytes.compact).toBeLessThan(run.bytes.dense);
    expect(run.proof.maxAbsDifference).toBeLessThan(1e-4);
    const { loss, perplexity } = run.evaluation[0]!.metrics as { loss: number; perplexity: number };
    expect(perplexity).toBeCloseTo(Math.exp(loss), 6);
    const { dense } = run.evaluation[0]!;
    expect(name === 'speaker' ? dense!.loss! < loss : dense === undefined).toBe(true);
    const losses = events.flatMap((event) => (event.type === 'train' ? [event.loss] : []));
    expect(losses.every(Number.isFinite)).toBe(true);
  });

  test('leaves dense shapes with zeros beside small files with a cache', async () => {
    const model = path.join(cwd, out, 'model');
    const files = (await readdir(path.join(model, 'onnx'))).sort();
    expect(files.filter((file) => !/_(fp16|quantized)\.onnx$/.test(file))).toEqual(graphs);
    expect(files).toHaveLength(3 * graphs.length);
    const [before, after] = await Promise.all(
      [options.model, model].map((folder) => readSafetensors(path.join(folder, 'model.safetensors'))),
    );
    for (const [parameter, { dims }] of after!)
      expect([parameter, dims]).toEqual([parameter, before!.get(parameter)?.dims]);
    expect(JSON.parse(await readFile(path.join(model, 'generation_config.json'), 'utf8'))).toHaveProperty(
      'eos_token_id',
    );
  });

  test('further precisions are scored by their loss, and write in transformers.js', async () => {
    const { run } = await readRun(path.join(cwd, out));
    const folder = `${name}-variants`;
    await cp(path.join(cwd, out, 'model'), path.join(cwd, folder), { recursive: true });
    const from = graphs.length > 1 ? AutoModelForSeq2SeqLM : AutoModelForCausalLM;
    const input = (values: number[]) => new Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length]);
    const written: number[][] = [];
    for (const dtype of ['fp32', 'fp16', 'q8'] as const) {
      const model = await from.from_pretrained(folder, { dtype, local_files_only: true });
      const options = {
        inputs: input([5, 9, 7]),
        attention_mask: input([1, 1, 1]),
        max_new_tokens: 8,
        do_sample: false,
      };
      written.push(
        ((await model.generate(options as Parameters<typeof model.generate>[0])) as Tensor).tolist()[0].map(Number),
      );
    }
    expect(written[1]).toEqual(written[0]);
    expect(written[2]!.length).toBeGreaterThan(1);
    expect(run.variants?.map(({ dtype, files }) => [dtype, files.length])).toEqual([
      ['fp16', graphs.length],
      ['q8', graphs.length],
    ]);
    const { loss } = run.evaluation[0]!.metrics as { loss: number };
    // The matrices of the speaker are too small for bytes.
    const bands = name === 'translator' ? [1e-2, 0.1] : [1e-2];
    for (const [i, band] of bands.entries()) {
      const { bytes, metrics } = run.variants![i]!;
      expect(Math.abs(metrics.loss! / loss - 1)).toBeLessThan(band);
      expect(metrics.loss).not.toBe(loss);
      expect(bytes).toBeLessThan(run.bytes.compact);
    }
  });

  test('writes in transformers.js what our own generator writes, its caches sized layer by layer', async () => {
    const folder = `${name}-published`;
    await cp(path.join(cwd, out, 'model'), path.join(cwd, folder), { recursive: true });
    const from = graphs.length > 1 ? AutoModelForSeq2SeqLM : AutoModelForCausalLM;
    const model = await from.from_pretrained(folder, { dtype: 'fp32', local_files_only: true });
    await using generator = await loadGenerator(path.join(cwd, folder));
    const tokenizer = await loadTokenizer(path.join(cwd, folder));
    const words =
      graphs.length > 1
        ? ['lutu dori baso meri luso dori kipa meri nopa', 'kitu kiri dopa notu']
        : ['soba velu riki tudo', 'veki zado veki solu paki tudo'];
    // A model that goes on with a text goes on before its end.
    const prompts = words.map((text) =>
      Array.from(tokenizer.encode(text, undefined, 32).inputIds).slice(0, graphs.length > 1 ? undefined : -1),
    );
    for (const given of prompts) {
      const input = (values: number[]) => new Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length]);
      const written = (await model.generate({
        inputs: input(given),
        attention_mask: input(given.map(() => 1)),
        max_new_tokens: 12,
        do_sample: false,
      } as Parameters<typeof model.generate>[0])) as Tensor;
      const theirs = written.tolist()[0].map(Number);
      const [own] = (await generator.generate([given], { maxNewTokens: 12 })).texts;
      expect(theirs.slice(graphs.length > 1 ? 1 : given.length)).toEqual([...own!.tokens]);
      expect(own!.tokens.length).toBeGreaterThan(3);
    }
  });
});

describe('published', () => {
  let hub: LocalHub;
  beforeAll(async () => {
    hub = await startLocalHub({ root: path.join(cwd, 'hub'), token: TOKEN });
  });
  afterAll(() => hub.close());

  const published = (run: string, to: string) => {
    const env = { HF_HOME: path.join(cwd, 'home'), HF_ENDPOINT: hub.url, HF_TOKEN: TOKEN };
    return neuroprune(['publish', run, '--to', to, '--json'], { cwd, env });
  };

  test.each([
    ['translator', 'translation', 'AutoModelForSeq2SeqLM'],
    ['speaker', 'text-generation', 'AutoModelForCausalLM'],
  ])('%s: read back through the Hub it writes what its files wrote', async (name, tag, loader) => {
    const { code, stdout, stderr } = await published(`runs/${name}`, `local/${name}-np`);
    expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
    const { readBack } = JSON.parse(stdout);
    expect(readBack).toEqual({ repo: `local/${name}-np`, examples: 4, maxAbsDifference: 0, compared: 'tokens' });
    const card = await readFile(path.join(cwd, `runs/${name}/model/README.md`), 'utf8');
    expect(card).toContain(`pipeline_tag: ${tag}`);
    expect(card).toContain(`${loader}.from_pretrained("local/${name}-np")`);
  });

  test('other tokens are no proof', async () => {
    const file = path.join(cwd, 'runs/speaker/sample.json');
    const sample = JSON.parse(await readFile(file, 'utf8'));
    sample.logits[0][0] += 1;
    await writeFile(file, JSON.stringify(sample));
    const { code, stderr } = await published('runs/speaker', 'local/other');
    expect(code).toBe(1);
    expect(stderr).toContain('expected the published model to write what its files wrote before');
  });
});

const hashOf = async (file: string) =>
  createHash('sha256')
    .update(await readFile(path.join(cwd, file)))
    .digest('hex');

/** The weights after a few steps; what comes after the training is left out. */
async function weightsOf(name: string, options: Parameters<typeof prune>[0]): Promise<string> {
  const enough = new AbortController();
  const onEvent = (event: RunEvent) => event.type === 'stage' && event.stage === 'prove' && enough.abort();
  const given = { ...common, maxSteps: 4, ...options, out: `runs/${name}` };
  await expect(prune(given, { ...context, onEvent, signal: enough.signal })).rejects.toThrow();
  return hashOf(`runs/${name}/model/model.safetensors`);
}

describe('options of the recipe act on texts', () => {
  const dense = { ...translator, method: 'dense' } as const;
  let plain = '';
  beforeAll(async () => {
    plain = await weightsOf('plain', dense);
  }, 120_000);

  test('the same run has the same bits', async () => {
    expect(await weightsOf('plain-again', dense)).toBe(plain);
  });

  test.each([
    ['accumulate', { accumulate: 2 }],
    ['maxGradNorm', { maxGradNorm: 0.05 }],
    ['layerDecay', { layerDecay: 0.5 }],
    ['labelSmoothing', { labelSmoothing: 0.1 }],
    ['freeze', { freeze: 'shared.weight' }],
    ['ema', { ema: 0.5 }],
    ['precision', { precision: 'fp16' }],
    ['schedule', { schedule: 'constant' }],
    ['dropout', { dropout: 0.2 }],
    ['seed', { seed: 1 }],
    ['maxLength', { maxLength: 8 }],
    ['sourcePrefix', { sourcePrefix: 'dopa ' }],
    ['sourceSuffix', { sourceSuffix: ' dopa' }],
    ['columns', { columns: ['en', 'de'] }],
    ['teacher', { teacher: translator.model, distillWeight: 0.9 }],
    ['distillHidden', { teacher: translator.model, distillWeight: 0, distillHidden: 10 }],
    ['evaluateEvery', { evaluateEvery: '2', earlyStopping: 1 }],
  ] as const)('%s', async (name, options) => {
    expect(await weightsOf(name, { ...dense, ...options } as Parameters<typeof prune>[0])).not.toBe(plain);
  });

  test.each([
    ['class weights', { classWeights: 'balanced' }, '--class-weights: acts only on tasks of classes and scores'],
    ['packing', { packing: true }, '--packing: acts only on tasks of classes and scores'],
    ['a teacher of another kind', { teacher: speaker.model }, '--teacher: expected'],
    ['too few heads', { method: 'neuroprune', sparsity: 0.5, heads: 5 }, '--heads: expected 6 to 24, one an attention'],
    ['a model that only goes on', { model: speaker.model }, 'translation: expected a model that reads one text'],
    ['columns that are not there', { columns: ['fr', 'en'] }, "translation: expected a column 'fr', got none"],
  ] as const)('%s: refused', async (_, options, message) => {
    await expect(prune({ ...common, ...dense, ...options } as Parameters<typeof prune>[0], context)).rejects.toThrow(
      message,
    );
  });
});

describe('what a trained model writes is scored by the task’s metrics', () => {
  const short = { ...common, ...translator, method: 'dense', maxSteps: 4 } as const;

  test('as evaluate scores the run, in result, card, report and predictions', async () => {
    const { run } = await readRun(path.join(cwd, 'runs/translator'));
    const written = run.evaluation[1]!;
    const { evaluation } = await evaluate(
      {
        model: 'runs/translator',
        task: 'translation',
        dataset: 'translation',
        limit: 200,
        out: 'scored',
        cache: false,
      },
      context,
    );
    const { metrics, signatures } = evaluation[0]!;
    expect(written).toMatchObject({ examples: 48, metrics, signatures });
    expect(Object.keys(metrics)).toEqual(['bleu', 'chrf', 'ter']);
    expect(metrics.bleu).toBeGreaterThan(1);
    const read = (file: string) => readFile(path.join(cwd, file), 'utf8');
    expect(await read('runs/translator/predictions/translation.ndjson')).toBe(
      await read('scored/predictions/translation.ndjson'),
    );
    const [card, report] = await Promise.all([
      read('runs/translator/model/README.md'),
      read('runs/translator/report/index.md'),
    ]);
    expect(card).toMatch(/^ {2}- bleu$/m);
    for (const text of [card, report]) {
      expect(text).toMatch(/translation validation \(48\) \| bleu/);
      expect(text).toContain('| translation | bleu | nrefs:1\\|case:mixed\\|eff:no\\|tok:13a\\|');
    }
  });

  test('writeRows: so many rows, of the dense model beside it too; none for 0', async () => {
    const sparse = { ...short, method: 'gradual', sparsity: 0.5, baseline: 'dense', writeRows: 7 } as const;
    const outcome = async (options: Parameters<typeof prune>[0]) => (await prune(options, context)) as TrainOutcome;
    expect((await outcome({ ...short, writeRows: 0, out: 'runs/none' })).evaluation).toHaveLength(1);
    const [loss, written] = (await outcome({ ...sparse, out: 'runs/some' })).evaluation;
    expect([loss!.examples, written!.examples]).toEqual([48, 7]);
    expect(Object.keys(written!.dense!)).toEqual(Object.keys(written!.metrics));
    expect(written!.dense).not.toEqual(written!.metrics);
  }, 120_000);

  test('of several seeds with mean and standard error', async () => {
    const { seeds } = (await prune({ ...short, writeRows: 9, seeds: 2, out: 'runs/seeds' }, context)) as TrainOutcome;
    const values = seeds!.runs.map(({ metrics }) => metrics.bleu!);
    expect(values[0]).not.toBe(values[1]);
    expect(seeds!.mean.bleu).toBeCloseTo((values[0]! + values[1]!) / 2, 10);
    expect(seeds!.standardError.bleu).toBeCloseTo(Math.abs(values[0]! - values[1]!) / 2, 10);
    // What writes nothing has no predictions.
    const quiet = { ...common, ...speaker, method: 'dense', maxSteps: 2, seeds: 2, out: 'runs/quiet' } as const;
    const { seeds: others } = (await prune(quiet, context)) as TrainOutcome;
    expect(Object.keys(others!.mean)).toEqual(['loss', 'perplexity']);
  }, 120_000);

  test('of rows that were held out, those and no others', async () => {
    await mkdir(path.join(cwd, 'whole'));
    await cp(path.join(cwd, 'translation/validation.jsonl'), path.join(cwd, 'whole/train.jsonl'));
    await prune({ ...short, dataset: 'whole', writeRows: 3, out: 'runs/held' }, context);
    const lines = async (file: string) =>
      (await readFile(path.join(cwd, file), 'utf8'))
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line));
    const all = await lines('whole/train.jsonl');
    const held = holdOut(all.length, 0).validation.slice(0, 3);
    const written = await lines('runs/held/predictions/translation.ndjson');
    expect(written.map(({ references }) => references)).toEqual([...held].map((i) => [all[i].en]));
  }, 120_000);
});

test('of several seeds the best is that of the lowest loss', async () => {
  expect(await comparedBy(path.join(cwd, 'runs/translator'))).toEqual({ metric: 'loss', direction: 'lower' });
});

test('a dry run says what it would do, and does none of it', async () => {
  const plan = await prune(
    { ...common, ...translator, sparsity: 0.5, heads: 15, dryRun: true, out: 'runs/dry' },
    context,
  );
  expect(plan).toMatchObject({ dryRun: true, rows: { train: 144, validation: 48 }, steps: 24, labels: [] });
  const { blocks, prunable } = plan as TrainPlan;
  expect(blocks.map(({ heads }) => heads)).toEqual([4, 4, 8, 8]);
  expect(prunable.weights).toBe(blocks.reduce((sum, { weights }) => sum + weights, 0));
  const filesOf = ({ runFiles }: TrainPlan) => runFiles.map((file) => file.path);
  expect(filesOf(plan as TrainPlan)).toContain('predictions/translation.ndjson');
  const other = await prune({ ...common, ...translator, sparsity: 0.5, writeRows: 0, dryRun: true }, context);
  expect(filesOf(other as TrainPlan)).not.toContain('predictions/translation.ndjson');
  expect((await readdir(path.join(cwd, 'runs'))).includes('dry')).toBe(false);
});

test('a run that was killed goes on to the same bits', async () => {
  const args = (out: string, more: readonly string[] = []) => [
    ...[
      'prune',
      translator.model,
      '--task',
      'translation',
      '--dataset',
      'translation',
      '--sparsity',
      '0.5',
      '--heads',
      '15',
    ],
    ...[
      '--max-steps',
      '24',
      '--batch-size',
      '8',
      '--threads',
      '1',
      '--device',
      'cpu',
      '--checkpoint-every',
      '4',
      '--out',
      out,
      ...more,
    ],
  ];
  const place = { cwd, env: { HF_HOME: path.join(cwd, 'home') } };
  expect((await runUntil(args('runs/whole'), place)).code).toBe(0);
  const killed = await runUntil(args('runs/killed'), place, { signal: 'SIGKILL', point: 'trim', hit: 1 });
  expect(killed.signal).toBe('SIGKILL');
  const { code, stderr } = await runUntil(args('runs/killed', ['--resume']), place);
  expect([code, /going on after step \d+|resum/i.test(stderr)]).toEqual([0, true]);
  for (const file of [
    'model/model.safetensors',
    'model/onnx/decoder_model_merged.onnx',
    'checkpoints/24/state.safetensors',
  ])
    expect([file, await hashOf(`runs/killed/${file}`)]).toEqual([file, await hashOf(`runs/whole/${file}`)]);
}, 120_000);
