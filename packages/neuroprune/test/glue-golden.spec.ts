/** Scores and predictions of fine-tuned heads on GLUE beside transformers, scikit-learn and scipy: tools/golden/make_glue.py. */
import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { readParquet } from '@neuroprune/hub';
import { type LocalHub, startLocalHub } from '@neuroprune/local-hub';
import { readSafetensors, writeSafetensors } from '@neuroprune/models';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluate } from '../src/api.js';
import { fixtures, root, TOKEN, temporary } from './command.js';

interface Golden {
  readonly rows: number;
  readonly metrics: Readonly<Record<string, number>>;
  /** A digit a row, or scores to four digits. */
  readonly predictions: string | readonly number[];
}

const heads = path.join(root, 'packages/neuroprune/fixtures/glue');
const tasks: Readonly<Record<string, Golden>> = JSON.parse(readFileSync(path.join(heads, 'golden.json'), 'utf8')).tasks;
const shared = path.resolve(root, '../shared/hub/datasets');
const classes = ['entailment', 'neutral', 'contradiction'];
const models = {
  two: ['LABEL_0', 'LABEL_1'],
  score: ['LABEL_0'],
  three: classes,
} as const satisfies Record<string, readonly string[]>;
const modelOf = (task: string): keyof typeof models =>
  task === 'stsb' ? 'score' : /^(mnli|ax)/.test(task) ? 'three' : 'two';

let folder = '';
let hub: LocalHub;
let remove = async (): Promise<void> => {};
const at = (name: string) => path.join(folder, name);

beforeAll(async () => {
  ({ folder, remove } = await temporary());
  const encoder = path.join(fixtures, 'models/neuroprune/bert-micro-uncased');
  const weights = await readSafetensors(path.join(encoder, 'model.safetensors'), {
    only: (name) => name.startsWith('bert.'),
  });
  for (const [name, labels] of Object.entries(models)) {
    await cp(encoder, at(name), { recursive: true });
    const head = await readSafetensors(path.join(heads, `${name}.safetensors`));
    await writeSafetensors(at(`${name}/model.safetensors`), new Map([...weights, ...head]));
    const config = JSON.parse(await readFile(at(`${name}/config.json`), 'utf8'));
    const id2label = Object.fromEntries(labels.map((label, i) => [i, label]));
    const architectures = ['BertForSequenceClassification'];
    await writeFile(at(`${name}/config.json`), JSON.stringify({ ...config, architectures, id2label }));
  }
  const data = at('seed/datasets/nyu-mll/glue');
  await cp(path.join(existsSync(shared) ? shared : path.join(fixtures, 'datasets'), 'nyu-mll/glue'), data, {
    recursive: true,
  });
  if (existsSync(shared)) await writeStandIns(data);
  hub = await startLocalHub({ root: at('hub'), token: TOKEN, seed: at('seed') });
}, 60_000);

afterAll(async () => {
  await hub.close();
  await remove();
});

/** Rows of SNLI where there are none of MNLI's mismatched split and of AX. */
async function writeStandIns(data: string): Promise<void> {
  const rows = (await readParquet(path.join(shared, 'stanfordnlp/snli/plain_text/test-00000-of-00001.parquet'))).filter(
    ({ label }) => Number(label) >= 0,
  );
  const write = async (file: string, from: number) => {
    await mkdir(path.dirname(path.join(data, file)), { recursive: true });
    const part = rows
      .slice(from, from + 300)
      .map(({ premise, hypothesis, label }, idx) => ({ premise, hypothesis, label: Number(label), idx }));
    await writeFile(path.join(data, file), part.map((row) => `${JSON.stringify(row)}\n`).join(''));
  };
  await write('mnli/validation_mismatched.jsonl', 0);
  await write('ax/test.jsonl', 300);
  const parts = {
    mnli: {
      validation_matched: 'mnli/validation_matched-*',
      validation_mismatched: 'mnli/validation_mismatched.jsonl',
    },
    ax: { test: 'ax/test.jsonl' },
  };
  const others = ['cola', 'sst2', 'mrpc', 'stsb', 'rte', 'wnli', 'qqp'].map((name) => [
    name,
    { validation: `${name}/validation-*` },
  ]);
  const configs = [...Object.entries(parts), ...others].map(
    ([name, files]) =>
      `- config_name: ${name}\n  data_files:\n${Object.entries(files as object)
        .map(([split, file]) => `  - {split: ${split}, path: ${file}}`)
        .join('\n')}`,
  );
  await writeFile(path.join(data, 'README.md'), `---\nconfigs:\n${configs.join('\n')}\n---\n`);
}

async function scored(task: string) {
  const context = { cwd: folder, env: { HF_ENDPOINT: hub.url, HF_HOME: at('home') } };
  const options = { model: modelOf(task), task, out: task, resamples: 0, cache: false };
  const { evaluation } = await evaluate(options as Parameters<typeof evaluate>[0], context);
  const lines = (await readFile(at(`${task}/predictions/${task}.ndjson`), 'utf8')).trimEnd().split('\n');
  return { row: evaluation[0]!, predictions: lines.map((line): number => JSON.parse(line).prediction) };
}

async function check(task: string): Promise<void> {
  const { rows, metrics, predictions: expected } = tasks[task]!;
  const { row, predictions } = await scored(task);
  expect(row.examples).toBe(rows);
  expect(Object.keys(row.metrics)).toEqual(Object.keys(metrics));
  for (const [key, value] of Object.entries(metrics))
    expect(Math.abs(row.metrics[key]! - value), `${task} ${key}`).toBeLessThan(1e-4);
  if (typeof expected === 'string') expect(predictions.join('')).toBe(expected);
  else for (const [i, value] of expected.entries()) expect(Math.abs(predictions[i]! - value)).toBeLessThan(2e-4);
  expect(new Set(predictions).size).toBeGreaterThan(1);
}

describe('fine-tuned heads score as in Python, row by row', () => {
  it('sst2', () => check('sst2'));

  it.skipIf(!existsSync(shared)).each(Object.keys(tasks).filter((task) => task !== 'sst2'))(
    '%s (skipped without ../shared/hub)',
    (task) => check(task),
  );
});
