// Trains an encoder-decoder and a decoder densely and sparsely, and scores each by its task's metric on test rows.
// Usage: node bench/generation.mjs HUB OUT [--steps 600] [--seeds 3] [--only translation|perplexity] [--latency]
// HUB holds models/ and datasets/ as on the Hub. A run that is done is not done again; results are in OUT/results.json.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    steps: { type: 'string' },
    seeds: { type: 'string', default: '3' },
    only: { type: 'string' },
    latency: { type: 'boolean', default: false },
  },
});
const [hub, out] = positionals.map((folder) => path.resolve(folder));
const command = path.resolve(import.meta.dirname, '../packages/neuroprune/bin/neuroprune.js');
const data = path.join(hub, 'datasets/multi30k/task1-de-en');

const jobs = {
  translation: {
    model: path.join(hub, 'models/neuroprune-fixtures/t5-tiny-multi30k-de-en'),
    data: ['--task', 'translation', '--dataset', data, '--columns', 'translation.de,translation.en'],
    train: ['--lr', '2e-3', '--max-steps', values.steps ?? '600'],
    score: ['--split', 'test', '--max-new-tokens', '48'],
    metrics: ['bleu', 'chrf', 'ter'],
  },
  perplexity: {
    model: path.join(hub, 'models/karpathy/stories260K'),
    data: ['--task', 'perplexity', '--dataset', data, '--columns', 'translation.en'],
    train: ['--lr', '3e-3', '--max-steps', values.steps ?? '150'],
    score: ['--split', 'test', '--documents', 'rows', '--max-length', '128', '--stride', '64'],
    metrics: ['perplexity'],
  },
};
const ways = [
  ['dense', 'finetune', []],
  ['neuroprune 50 %', 'prune', ['--sparsity', '0.5']],
  ['neuroprune 70 %', 'prune', ['--sparsity', '0.7']],
  ['gradual 70 %', 'prune', ['--method', 'gradual', '--sparsity', '0.7']],
];
const common = ['--batch-size', '32', '--dropout', '0', '--threads', '1', '--device', 'cpu'];

function run(args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [command, ...args, '--quiet', '--json'], {
    encoding: 'utf8',
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
  return JSON.parse(stdout);
}

const read = (file, otherwise) => (existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : otherwise);

function scored(job, model, folder) {
  const file = path.join(folder, 'evaluation.json');
  if (!existsSync(file)) run(['evaluate', model, ...job.data, ...job.score, '--resamples', '1000', '--out', folder]);
  return read(file).evaluation[0];
}

mkdirSync(out, { recursive: true });
const results = [];
for (const [name, job] of Object.entries(jobs)) {
  if (values.only !== undefined && values.only !== name) continue;
  const start = scored(job, job.model, path.join(out, `${name}-start-scored`));
  results.push({ name, way: 'as it came', seed: null, metrics: start.metrics, intervals: start.intervals });
  for (let seed = 0; seed < Number(values.seeds); seed++) {
    for (const [way, verb, more] of ways) {
      const folder = path.join(out, `${name}-${way.replaceAll(/\W+/g, '')}-${seed}`);
      if (!existsSync(path.join(folder, 'run.json')))
        run([verb, job.model, ...job.data, ...job.train, ...common, ...more, '--seed', String(seed), '--out', folder]);
      const { metrics, intervals, generation } = scored(job, folder, `${folder}-scored`);
      const { sparsity, heads, parameters, bytes, proof, training } = read(path.join(folder, 'run.json'));
      const facts = { sparsity, heads, parameters, bytes, proof, steps: training.steps, seconds: training.seconds };
      results.push({ name, way, seed, metrics, intervals, newTokens: generation?.newTokens, ...facts });
      writeFileSync(path.join(out, 'results.json'), `${JSON.stringify(results, null, 1)}\n`);
      console.error(name, way, `seed ${seed}`, JSON.stringify(metrics));
    }
  }
}

const mean = (list) => list.reduce((sum, x) => sum + x, 0) / list.length;
const deviation = (list) => Math.sqrt(list.reduce((sum, x) => sum + (x - mean(list)) ** 2, 0) / (list.length - 1));
const shown = (list) =>
  list.length > 1 ? `${mean(list).toFixed(2)} ± ${deviation(list).toFixed(2)}` : list[0].toFixed(2);
for (const [name, { metrics }] of Object.entries(jobs)) {
  const rows = results.filter((row) => row.name === name);
  if (rows.length === 0) continue;
  console.log(`| ${name} | runs | ${metrics.join(' | ')} | zeros | parameters | heads | each run's ${metrics[0]} |`);
  console.log(`| --- | ${'---: | '.repeat(metrics.length + 5).trim()}`);
  for (const way of new Set(rows.map((row) => row.way))) {
    const of = rows.filter((row) => row.way === way);
    const values = metrics.map((metric) => shown(of.map((row) => row.metrics[metric])));
    const { sparsity, parameters, heads } = of[0];
    const zeros = sparsity ? `${(100 * mean(of.map((row) => row.sparsity.reached))).toFixed(1)} %` : '–';
    const left = parameters ? Math.round(mean(of.map((row) => row.parameters.compact))).toLocaleString('en') : '–';
    const kept = heads ? mean(of.map((row) => row.heads.kept)).toFixed(1) : '–';
    const each = of.map((row) => row.metrics[metrics[0]].toFixed(2)).join(', ');
    console.log(`| ${way} | ${of.length} | ${values.join(' | ')} | ${zeros} | ${left} | ${kept} | ${each} |`);
  }
  console.log();
}
if (values.latency) {
  const models = ['dense', 'neuroprune50', 'neuroprune70'].map((way) => path.join(out, `translation-${way}-0`));
  const job = jobs.translation;
  const plan = ['--limit', '32', '--resamples', '0', '--latency', '--latency-batch', '1,32', '--latency-length', '16'];
  const { latency } = run(['evaluate', ...models, ...job.data, ...job.score, ...plan]);
  for (const row of latency)
    console.log(
      path.basename(row.model),
      row.batch,
      row.length,
      `${row.medianMs} ms`,
      `${row.tokensPerSecond} new tokens/s`,
    );
}
