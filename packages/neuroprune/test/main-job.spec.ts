import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { readCard } from '@neuroprune/hub';
import { type LocalHub, startLocalHub } from '@neuroprune/local-hub';
import { readSafetensors } from '@neuroprune/models';
import { readModel } from '@neuroprune/onnx';
import { parseEvents, RunResult } from '@neuroprune/report';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fixtures, neuroprune, TOKEN, temporary, type Watch } from './command.js';

const model = 'neuroprune/bert-micro-uncased';
const job = `prune-and-publish ${model} --task sst2 --max-steps 24 --batch-size 16 --threads 2 --lr 4e-4`;
let folder = '';
let hub: LocalHub;
let remove = async (): Promise<void> => {};

const call = (line: string, onStderr?: Watch) =>
  neuroprune(line.split(' '), {
    cwd: folder,
    ...(onStderr ? { onStderr } : {}),
    env: { HF_ENDPOINT: hub.url, HF_TOKEN: TOKEN, HF_HOME: path.join(folder, 'home') },
  });

const succeed = async (line: string) => {
  const { code, stdout, stderr } = await call(`${line} --json`);
  expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
  return JSON.parse(stdout);
};

const text = (file: string) => readFile(path.join(folder, file), 'utf8');
const filesBelow = async (below: string) =>
  (await readdir(path.join(folder, below), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(path.join(folder, below), path.join(entry.parentPath, entry.name)))
    .sort();

/** The one run that the tests look at: a few steps, every stage. */
let result: RunResult & { run: string };
beforeAll(async () => {
  ({ folder, remove } = await temporary());
  hub = await startLocalHub({ root: path.join(folder, 'hub'), token: TOKEN, seed: fixtures });
  result = await succeed(`${job} --sparsity 0.6 --heads 13 --baseline dense --to local/np60 --out runs/a`);
}, 300_000);

afterAll(async () => {
  await hub.close();
  await remove();
});

test('the result is that of run.json, fits the schema and reached the targets', async () => {
  const run = RunResult.parse(JSON.parse(await text('runs/a/run.json')));
  expect({ ...run, run: 'runs/a' }).toEqual(result);
  expect(Math.abs(run.sparsity.reached - 0.6)).toBeLessThanOrEqual(0.001);
  expect(run.heads).toEqual({ total: 16, requested: 13, kept: 13 });
  expect(run.structure.reduce((sum, { heads }) => sum + heads, 0)).toBe(13);
  expect(run.parameters.compact).toBeLessThan(run.parameters.dense);
  expect(run.bytes.compact).toBeLessThan(run.bytes.dense);
  expect(run.proof).toMatchObject({ examples: 872 });
  expect(run.proof.maxAbsDifference).toBeLessThanOrEqual(1e-4);
  expect(run.evaluation).toMatchObject([{ task: 'sst2', split: 'validation', examples: 872 }]);
  expect(Object.keys(run.evaluation[0]!.dense!)).toEqual(['accuracy']);
  expect(run.latency.map(({ batch }) => batch)).toEqual([1, 32]);
  expect(run.training).toMatchObject({ steps: 24 });
  expect(run.readBack).toMatchObject({ repo: 'local/np60', examples: 64 });
  expect(run.readBack!.maxAbsDifference).toBeLessThanOrEqual(1e-4);
});

test('the run folder has what it should and nothing else; no file holds the token', async () => {
  const files = await filesBelow('runs/a');
  expect(files.filter((file) => !file.startsWith('model/'))).toEqual([
    'baseline/score.json',
    'checkpoints/24/manifest.json',
    'checkpoints/24/progress.json',
    'checkpoints/24/state.safetensors',
    'events.ndjson',
    'predictions/sst2.ndjson',
    'recipe.json',
    'report/figures/degrees.svg',
    'report/figures/heads.svg',
    'report/figures/training.svg',
    'report/index.html',
    'report/index.md',
    'run.json',
    'sample.json',
  ]);
  expect(files.filter((file) => file.startsWith('model/'))).toEqual([
    'model/.eval_results/neuroprune.yaml',
    'model/README.md',
    'model/config.json',
    'model/figures/degrees.svg',
    'model/figures/heads.svg',
    'model/figures/training.svg',
    'model/model.safetensors',
    'model/neuroprune.json',
    'model/onnx/model.onnx',
    'model/special_tokens_map.json',
    'model/tokenizer.json',
    'model/tokenizer_config.json',
    'model/vocab.txt',
  ]);
  for (const file of files) expect(await text(`runs/a/${file}`), file).not.toContain(TOKEN);
  expect(await readdir(path.join(folder, 'runs'))).toEqual(['a']);
});

test('the events are the steps of the sparse run and the times of the stages', async () => {
  const log = await text('runs/a/events.ndjson');
  expect(parseEvents(log).at(-1)).toMatchObject({ step: 24, heads: 13 });
  const stages = log.match(/(?<="stage":")[^"]+(?=")/g)?.filter((name) => name !== 'stage');
  const expected = 'check access,fetch,prepare,train dense,evaluate dense,train neuroprune,compact,prove,evaluate';
  expect(stages).toEqual([...expected.split(','), 'latency', 'report', 'publish', 'read back']);
});

test('the recipe has every default filled in, with the hashes of model and data', async () => {
  const { recipe, model: from, dataset, versions } = JSON.parse(await text('runs/a/recipe.json'));
  expect(recipe).toMatchObject({
    task: 'sst2',
    method: { name: 'neuroprune', solver: 'threshold', sparsity: 0.6, heads: 13, gamma: 1, outGrouping: 'joint' },
    ...{ baseline: 'dense', epochs: 1, maxSteps: 24, batchSize: 16, lr: 4e-4, schedule: 'linear', warmup: 0.06 },
    ...{ weightDecay: 0.01, dropout: 0.1, maxLength: 128, seed: 0, device: 'cpu', threads: 2 },
  });
  expect(from).toMatchObject({ id: model, commit: expect.stringMatching(/^[0-9a-f]{40}$/), license: 'apache-2.0' });
  const hashes = [...from.files, ...dataset.splits.train.files, ...dataset.splits.validation.files];
  expect(hashes.length).toBeGreaterThan(5);
  for (const file of hashes) expect(file.sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(Object.keys(versions)).toEqual(['neuroprune', 'node', 'onnxruntime-node', 'platform']);
});

test('the weights have the dense shapes, the ONNX file the small ones', async () => {
  const dense = await readSafetensors(path.join(folder, 'runs/a/model/model.safetensors'));
  const { graph } = await readModel(path.join(folder, 'runs/a/model/onnx/model.onnx'));
  const name = 'bert.encoder.layer.0.attention.self.query.weight';
  const widths = [0, 1, 2, 3].map((layer) => name.replace('0', String(layer)));
  expect(widths.map((width) => dense.get(width)?.dims)).toEqual(widths.map(() => [128, 128]));
  const small = widths.map((width) => graph.initializers.find((value) => value.name === width)?.tensor?.dims[0]);
  expect(small).toEqual(result.structure.map(({ heads }) => 32 * heads));
});

test('the card names base, data and scores for the repository it is in', async () => {
  const { frontMatter, body } = readCard(await text('runs/a/model/README.md'));
  expect(frontMatter).toMatchObject({
    base_model: model,
    datasets: ['nyu-mll/glue'],
    pipeline_tag: 'text-classification',
  });
  expect(frontMatter['model-index']).toMatchObject([
    { name: 'np60', results: [{ metrics: [{ type: 'accuracy', value: result.evaluation[0]!.metrics.accuracy }] }] },
  ]);
  expect(body).toContain('from_pretrained("local/np60")');
});

test('evaluate gives the same score for the run, its files and the published model', async () => {
  const accuracy = result.evaluation[0]!.metrics.accuracy;
  for (const from of ['runs/a', 'runs/a/model', 'runs/a/model/onnx/model.onnx', 'local/np60']) {
    const { evaluation } = await succeed(`evaluate ${from} --task sst2`);
    expect(evaluation).toMatchObject([{ task: 'sst2', split: 'validation', examples: 872, metrics: { accuracy } }]);
  }
  await succeed('evaluate runs/a --task sst2 --limit 9 --out scored');
  const lines = (await text('scored/predictions/sst2.ndjson')).trim().split('\n');
  expect(lines).toEqual((await text('runs/a/predictions/sst2.ndjson')).split('\n').slice(0, 9));
});

test('publish fails where the published model does not give the logits that were proved', async () => {
  await cp(path.join(folder, 'runs/a'), path.join(folder, 'runs/b'), { recursive: true });
  const sample = JSON.parse(await text('runs/b/sample.json'));
  sample.logits[40][1] += 0.001;
  await writeFile(path.join(folder, 'runs/b/sample.json'), JSON.stringify(sample));
  const { code, stderr } = await call('publish runs/b --to local/other --quiet');
  expect(code).toBe(1);
  expect(stderr).toMatch(/^neuroprune: local\/other: expected the proof's logits .* got a difference of 0\.00\d+\n$/);
});

test('publish pushes a run again under another name, privately too', async () => {
  const { published, readBack } = await succeed('publish runs/a --to local/hidden --private');
  expect(published).toMatchObject({ repo: 'local/hidden', url: `${hub.url}/local/hidden` });
  expect(readBack.repo).toBe('local/hidden');
  expect((await fetch(`${hub.url}/api/models/local/hidden`)).status).toBe(401);
});

test('report writes the same files again', async () => {
  const before = await text('runs/a/report/index.html');
  const { files } = await succeed('report runs/a');
  expect(files).toContain('report/index.html');
  expect(await text('runs/a/report/index.html')).toBe(before);
});

test('a dry run says what it would do, and does nothing', async () => {
  const plan = await succeed(`${job} --sparsity 0.6 --to local/never --out runs/never --dry-run`);
  expect(plan).toMatchObject({ dryRun: true, steps: 24, parameters: 1_875_330, to: 'local/never' });
  expect(plan.prunable).toEqual({ weights: 786_432, zeros: 471_859, heads: 16 });
  expect(plan.blocks).toHaveLength(4);
  expect(plan.files.map(({ path }: { path: string }) => path)).toContain('onnx/model.onnx');
  expect(await readdir(path.join(folder, 'runs'))).not.toContain('never');
  expect((await fetch(`${hub.url}/api/models/local/never`)).status).toBe(401);
});

test.each([
  ['gradual', 'prune', '--method gradual --sparsity 0.5', 0.5],
  ['the penalties of the paper', 'prune', '--solver subgradient --alpha 1e-4 --beta 1e-4 --sparsity 0.5', 0.5],
  ['dense training', 'finetune', '', 0],
])('%s leaves a run folder as well, in the place of an earlier run', async (_, verb, options, sparsity) => {
  const line = `${verb} ${model} --task sst2 --max-steps 8 --batch-size 8 ${options} --out runs/c`;
  const run = await succeed(line.replaceAll(/ +/g, ' '));
  expect(run.sparsity.requested).toBe(sparsity);
  expect(Math.abs(run.sparsity.reached - sparsity)).toBeLessThanOrEqual(0.001);
  expect(run.evaluation[0].dense).toBeUndefined();
  expect(await text('runs/c/model/README.md')).toContain('from_pretrained("ORG/NAME")');
});

test('an interrupt before the first step ends it with 130, and nothing is left', async () => {
  const before = await readdir(path.join(folder, 'runs'));
  const line = `prune ${model} --task sst2 --sparsity 0.5 --out runs/stopped`;
  const { code, stderr } = await call(line, (said, child) => {
    if (!child.killed && /^prepare/m.test(said)) child.kill('SIGINT');
  });
  expect(code).toBe(130);
  expect(stderr).toMatch(/neuroprune: interrupted\n$/);
  expect(await readdir(path.join(folder, 'runs'))).toEqual(before);
});
