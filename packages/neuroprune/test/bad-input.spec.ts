import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type LocalHub, startLocalHub } from '@neuroprune/local-hub';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fixtures, neuroprune, READ_TOKEN, TOKEN, temporary } from './command.js';

const model = 'neuroprune/bert-micro-uncased';
let folder = '';
let hubs: readonly LocalHub[] = [];
let remove = async (): Promise<void> => {};

/** The fixtures, their training rows cut off in the middle in the second hub. */
beforeAll(async () => {
  ({ folder, remove } = await temporary());
  const broken = path.join(folder, 'broken');
  await cp(fixtures, broken, { recursive: true });
  const rows = 'datasets/nyu-mll/glue/sst2/train-00000-of-00001.parquet';
  await cut(path.join(fixtures, rows), path.join(broken, rows), 100_000);
  const users = [{ name: 'reader', orgs: ['local'], tokens: [{ value: READ_TOKEN, role: 'read' as const }] }];
  const serve = (seed: string, name: string) =>
    startLocalHub({ root: path.join(folder, name), token: TOKEN, users, seed });
  hubs = [await serve(fixtures, 'hub'), await serve(broken, 'broken-hub')];
  await localModels();
});

afterAll(async () => {
  await Promise.all(hubs.map((hub) => hub.close()));
  await remove();
});

const cut = async (from: string, to: string, bytes: number): Promise<void> =>
  writeFile(to, (await readFile(from)).subarray(0, bytes));

async function localModels(): Promise<void> {
  const source = path.join(fixtures, 'models', model);
  for (const name of ['cut', 'mamba', 'occupied']) await mkdir(path.join(folder, 'work', name), { recursive: true });
  const work = (file: string) => path.join(folder, 'work', file);
  await cp(source, work('cut'), { recursive: true });
  await cut(path.join(source, 'model.safetensors'), work('cut/model.safetensors'), 1_000_000);
  const config = JSON.parse(await readFile(path.join(source, 'config.json'), 'utf8'));
  await writeFile(work('mamba/config.json'), JSON.stringify({ ...config, model_type: 'mamba' }));
  await writeFile(work('occupied/letter.txt'), 'mine');
  await writeFile(work('cut/half.onnx'), 'no model');
}

type Endpoint = 'fixtures' | 'broken rows' | 'nobody';

function call(line: string, endpoint: Endpoint = 'fixtures', token: string = TOKEN) {
  const url = { fixtures: hubs[0]!.url, 'broken rows': hubs[1]!.url, nobody: 'http://127.0.0.1:1' }[endpoint];
  return neuroprune([...line.split(' '), '--quiet'], {
    cwd: path.join(folder, 'work'),
    env: { HF_ENDPOINT: url, HF_TOKEN: token, HF_HOME: path.join(folder, `home-${endpoint.replaceAll(' ', '-')}`) },
  });
}

const prune = `prune ${model} --task sst2 --sparsity 0.7 --max-steps 4`;
const publish = `prune-and-publish ${model} --task sst2 --sparsity 0.7 --max-steps 4 --to`;

test.each<[what: string, line: string, code: number, message: RegExp, endpoint?: Endpoint, token?: string]>([
  ['an unknown model', 'prune no/body --task sst2 --sparsity 0.7', 2, /model no\/body: not found/],
  ['a folder that is not there', 'prune ./nowhere --task sst2 --sparsity 0.7', 2, /nowhere: expected a folder/],
  ['an unknown task', `prune ${model} --task sst3 --sparsity 0.7`, 2, /--task: expected one of .* did you mean sst2\?/],
  ['an unknown option', `${prune} --sparsty 0.7`, 2, /--sparsty: unknown flag; did you mean --sparsity\?/],
  ['a sparsity of 0', `prune ${model} --task sst2 --sparsity 0`, 2, /--sparsity: expected a number between 0 and 1/],
  ['a sparsity of 1', `prune ${model} --task sst2 --sparsity 1`, 2, /--sparsity: expected a number between 0 and 1/],
  ['more heads than there are', `${prune} --heads 17`, 2, /--heads: expected 4 to 16, one a layer at least, got 17/],
  ['a solver without its weights', `${prune} --solver subgradient`, 2, /--alpha: required with --solver subgradient/],
  ['another architecture', 'prune ./mamba --task sst2 --sparsity 0.7', 2, /model_type 'mamba' is not supported/],
  ['cut weights', 'prune ./cut --task sst2 --sparsity 0.7', 2, /model.safetensors: .*cut short\?/],
  ['cut rows', prune, 2, /train-00000-of-00001.parquet/, 'broken rows'],
  [
    'rows the data set lacks',
    `prune ${model} --task rte --sparsity 0.7`,
    2,
    /no data files for the configuration 'rte'/,
  ],
  ['a folder of something else', `${prune} --out occupied`, 2, /occupied: expected a new folder/],
  ['no token', `${publish} local/x`, 2, /publishing needs a token; set HF_TOKEN/, 'fixtures', ''],
  ['a token nobody has', `${publish} local/x`, 1, /the token is not accepted/, 'fixtures', 'hf_nobodys'],
  ['a token that only reads', `${publish} local/x`, 1, /reader can read but not write/, 'fixtures', READ_TOKEN],
  ['a foreign namespace', `${publish} google/x`, 1, /local has no write access to google/],
  ['an endpoint that is not there', prune, 1, /127\.0\.0\.1:1 cannot be reached/, 'nobody'],
  ['an endpoint that is not there, to publish', `${publish} local/x`, 1, /cannot be reached/, 'nobody'],
  ['no run to publish', 'publish occupied --to local/x', 2, /occupied: expected the folder of a finished run/],
  ['no run to report on', 'report occupied', 2, /occupied: expected the folder of a finished run/],
  ['a file that is no ONNX', 'evaluate cut/half.onnx --task sst2', 2, /onnx: .*half\.onnx/],
  ['a model without a head', `evaluate ${model} --task sst2`, 2, /expected a model with a trained head/],
  ['a golden file that is none', `convert ${model} --verify cut/half.onnx`, 2, /half\.onnx/],
])('%s: one line, its exit code, and nothing left', async (_, line, code, message, endpoint, token) => {
  const before = await readdir(path.join(folder, 'work'), { recursive: true });
  const result = await call(line, endpoint, token);
  expect(result).toMatchObject({ code, stdout: '', stderr: expect.stringMatching(message) });
  expect(result.stderr).toMatch(/^neuroprune: [^\n]+\n$/);
  expect(result.stderr).not.toMatch(/hf_\w|internal:/);
  expect(await readdir(path.join(folder, 'work'), { recursive: true })).toEqual(before);
});
